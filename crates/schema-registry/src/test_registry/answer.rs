//! What is answered, errors among it.

use serde_json::{Value, json};

/// JSON, or why not.
pub(super) type Answer = Result<Value, Refusal>;

/// An error by its code, which begins with its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u32,
    pub(super) message: String,
}

impl Refusal {
    fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// HTTP's: the first three digits of the code.
    pub(super) fn status(&self) -> u16 {
        let mut status = self.code;
        while status > 999 {
            status /= 10;
        }
        u16::try_from(status).unwrap_or(500)
    }

    pub(super) fn body(&self) -> Value {
        json!({ "error_code": self.code, "message": self.message })
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "HTTP 404 Not Found")
    }

    pub(super) fn method() -> Self {
        Self::new(405, "HTTP 405 Method Not Allowed")
    }

    pub(super) fn too_large() -> Self {
        Self::new(413, "HTTP 413 Request Entity Too Large")
    }

    pub(super) fn unreadable(problem: &dyn std::fmt::Display) -> Self {
        Self::new(400, format!("Unrecognized request: {problem}"))
    }

    pub(super) fn subject(subject: &str) -> Self {
        Self::new(40401, format!("Subject '{subject}' not found."))
    }

    pub(super) fn version(version: &str) -> Self {
        Self::new(40402, format!("Version {version} not found."))
    }

    pub(super) fn schema(which: &str) -> Self {
        match which.is_empty() {
            true => Self::new(40403, "Schema not found"),
            false => Self::new(40403, format!("Schema {which} not found")),
        }
    }

    pub(super) fn subject_is_deleted(subject: &str) -> Self {
        Self::new(
            40404,
            format!(
                "Subject '{subject}' was soft deleted. Set permanent=true to delete permanently"
            ),
        )
    }

    pub(super) fn subject_is_not_deleted(subject: &str) -> Self {
        Self::new(
            40405,
            format!("Subject '{subject}' was not deleted first before being permanently deleted"),
        )
    }

    pub(super) fn version_is_deleted(subject: &str, version: i32) -> Self {
        Self::new(
            40406,
            format!(
                "Subject '{subject}' Version {version} was soft deleted. Set permanent=true to delete permanently"
            ),
        )
    }

    pub(super) fn version_is_not_deleted(subject: &str, version: i32) -> Self {
        Self::new(
            40407,
            format!(
                "Subject '{subject}' Version {version} was not deleted first before being permanently deleted"
            ),
        )
    }

    pub(super) fn no_level(subject: &str) -> Self {
        Self::new(
            40408,
            format!("Subject '{subject}' does not have subject-level compatibility configured"),
        )
    }

    pub(super) fn no_mode(subject: &str) -> Self {
        Self::new(40409, format!("Subject '{subject}' does not have subject-level mode configured"))
    }

    pub(super) fn incompatible(subject: &str, details: &[String]) -> Self {
        Self::new(
            409,
            format!(
                "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{}]",
                details.join(", ")
            ),
        )
    }

    pub(super) fn invalid_schema(problem: &dyn std::fmt::Display) -> Self {
        Self::new(42201, format!("Invalid schema: {problem}"))
    }

    pub(super) fn invalid_version(version: &str) -> Self {
        Self::new(
            42202,
            format!(
                "The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and \
                 the string \"latest\""
            ),
        )
    }

    pub(super) fn invalid_level() -> Self {
        Self::new(
            42203,
            "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, \
             forward_transitive, and full_transitive",
        )
    }

    pub(super) fn invalid_mode() -> Self {
        Self::new(42204, "Invalid mode. Valid values are READWRITE, READONLY and IMPORT.")
    }

    pub(super) fn not_permitted(problem: &str) -> Self {
        Self::new(42205, problem)
    }

    pub(super) fn is_referred_to(subject: &str, version: i32) -> Self {
        Self::new(
            42206,
            format!(
                "One or more references exist to the schema {{subject={subject}, version={version}}}."
            ),
        )
    }

    pub(super) fn id_does_not_match(problem: String) -> Self {
        Self::new(42207, problem)
    }

    pub(super) fn invalid_subject(subject: &str) -> Self {
        Self::new(42208, format!("The specified subject '{subject}' is not a valid."))
    }

    /// What a test has asked for.
    pub(super) fn planned(status: u16) -> Self {
        let status = u32::from(status);
        // 50001 is an error of the store; Confluent's other codes end in a number, too.
        let code = if status >= 500 { status * 100 + 1 } else { status };
        Self::new(code, "a failure that was asked for")
    }
}
