//! Decides what a profile says to do.

use std::path::PathBuf;

use rohrpost_sasl::AwsCredentials;

use super::secret;
use super::text::Profiles;
use crate::CredentialsError;

/// How many profiles may refer to one another.
const LONGEST_CHAIN: usize = 8;

/// Where credentials come from.
#[derive(Debug)]
pub(super) enum Plan {
    Keys(AwsCredentials),
    Environment,
    Container,
    Instance,
    Role {
        arn: String,
        session_name: Option<String>,
        external_id: Option<String>,
        seconds: Option<u64>,
        via: Via,
    },
}

/// By what a role is assumed.
#[derive(Debug)]
pub(super) enum Via {
    WebIdentity(PathBuf),
    Plan(Box<Plan>),
}

/// What this profile says; `None` where there is none, or it says nothing of credentials.
pub(super) fn plan(profiles: &Profiles, name: &str) -> Result<Option<Plan>, CredentialsError> {
    follow(profiles, name, &mut Vec::new())
}

fn follow(
    profiles: &Profiles,
    name: &str,
    seen: &mut Vec<String>,
) -> Result<Option<Plan>, CredentialsError> {
    let get = |key: &str| profiles.get(name, key);
    let wrong = |detail: String| {
        Err(CredentialsError::lasting(format!("the AWS profile {name:?} {detail}")))
    };
    let again = seen.iter().any(|other| other == name);
    if seen.len() > LONGEST_CHAIN {
        return wrong(format!(
            "is at the end of more than {LONGEST_CHAIN} profiles that refer to one another"
        ));
    }
    seen.push(name.to_owned());
    // A profile may be its own source: then its keys are meant.
    if let Some(arn) = get("role_arn").filter(|_| !again) {
        if get("mfa_serial").is_some() {
            return wrong(
                "wants a code of a device (mfa_serial), for which nobody can be asked".to_owned(),
            );
        }
        let via = match (get("web_identity_token_file"), get("source_profile"), get("credential_source")) {
            (Some(path), _, _) => Via::WebIdentity(path.into()),
            (None, Some(_), Some(_)) => {
                return wrong("has both of source_profile and credential_source: remove one".to_owned());
            }
            (None, Some(source), None) => match follow(profiles, source, seen)? {
                Some(plan) => Via::Plan(Box::new(plan)),
                None => return wrong(format!("has the source_profile {source:?}, where there are no credentials")),
            },
            (None, None, Some(source)) => Via::Plan(Box::new(match source {
                "Environment" => Plan::Environment,
                "EcsContainer" => Plan::Container,
                "Ec2InstanceMetadata" => Plan::Instance,
                _ => return wrong(format!(
                    "has the credential_source {source:?}, which is not one of Environment, EcsContainer, Ec2InstanceMetadata"
                )),
            })),
            (None, None, None) => return wrong(
                "has a role_arn, and none of source_profile, credential_source and web_identity_token_file to assume the role by".to_owned(),
            ),
        };
        let seconds = match get("duration_seconds").map(str::parse) {
            None => None,
            Some(Ok(seconds)) => Some(seconds),
            Some(Err(_)) => return wrong("has a duration_seconds that is no number".to_owned()),
        };
        return Ok(Some(Plan::Role {
            arn: arn.to_owned(),
            session_name: get("role_session_name").map(str::to_owned),
            external_id: get("external_id").map(str::to_owned),
            seconds,
            via,
        }));
    }
    match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(id), Some(key)) => Ok(Some(Plan::Keys(AwsCredentials {
            access_key_id: id.to_owned(),
            secret_access_key: secret(key),
            session_token: get("aws_session_token").map(secret),
        }))),
        (Some(_), None) | (None, Some(_)) => wrong(
            "has one of aws_access_key_id and aws_secret_access_key: it needs both".to_owned(),
        ),
        (None, None) if again => wrong("refers to itself, and has no keys".to_owned()),
        (None, None) => {
            for (prefix, what) in [
                ("credential_process", "the program of credential_process, which is not run"),
                ("sso_", "AWS' single sign-on, which is not supported"),
            ] {
                if profiles.any(name, prefix) {
                    return wrong(format!(
                        "gets its credentials from {what}: export them by `aws configure export-credentials`, or use a role"
                    ));
                }
            }
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let mut profiles = Profiles::default();
        profiles.add(text, false);
        match plan(&profiles, "p") {
            Ok(plan) => format!("{plan:?}"),
            Err(error) => error.detail,
        }
    }

    #[test]
    fn each_way_to_credentials_is_found() {
        let keys = "aws_access_key_id=AKID\naws_secret_access_key=hush\n";
        for (text, expected) in [
            ("", "None"),
            ("[p]\nregion=x", "None"),
            (&*format!("[p]\n{keys}"), "Some(Keys("),
            (&format!("[p]\n{keys}role_arn=r\nsource_profile=p"), "via: Plan(Keys("),
            (&format!("[p]\nrole_arn=r\nsource_profile=q\n[q]\n{keys}"), "via: Plan(Keys("),
            (
                &format!(
                    "[p]\nrole_arn=r\nsource_profile=q\n[q]\nrole_arn=s\nsource_profile=p2\n[p2]\n{keys}"
                ),
                "via: Plan(Role { arn: \"s\"",
            ),
            ("[p]\nrole_arn=r\ncredential_source=Environment", "via: Plan(Environment)"),
            ("[p]\nrole_arn=r\ncredential_source=EcsContainer", "via: Plan(Container)"),
            ("[p]\nrole_arn=r\ncredential_source=Ec2InstanceMetadata", "via: Plan(Instance)"),
            ("[p]\nrole_arn=r\nweb_identity_token_file=/t", "via: WebIdentity(\"/t\")"),
            (
                "[p]\nrole_arn=r\nweb_identity_token_file=/t\nrole_session_name=n\nexternal_id=e\nduration_seconds=900",
                "session_name: Some(\"n\"), external_id: Some(\"e\"), seconds: Some(900)",
            ),
        ] {
            let told = told(text);
            assert!(told.contains(expected) && !told.contains("hush"), "{text}: {told}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_told() {
        for (text, expected) in [
            ("[p]\naws_access_key_id=x", "needs both"),
            ("[p]\nrole_arn=r", "none of source_profile"),
            ("[p]\nrole_arn=r\nsource_profile=q", "no credentials"),
            ("[p]\nrole_arn=r\nsource_profile=p", "refers to itself"),
            (
                "[p]\nrole_arn=r\nsource_profile=q\n[q]\nrole_arn=s\nsource_profile=p",
                "refers to itself",
            ),
            ("[p]\nrole_arn=r\nsource_profile=q\ncredential_source=Environment", "remove one"),
            ("[p]\nrole_arn=r\ncredential_source=Moon", "which is not one of"),
            ("[p]\nrole_arn=r\nmfa_serial=m\nsource_profile=p", "mfa_serial"),
            ("[p]\nrole_arn=r\ncredential_source=Environment\nduration_seconds=x", "no number"),
            ("[p]\nsso_start_url=x", "single sign-on"),
            ("[p]\ncredential_process=rm", "not run"),
        ] {
            let told = told(text);
            assert!(told.contains(expected), "{text}: {told}");
        }
        let chain: String = (0..20)
            .map(|n| {
                format!(
                    "[p{}]\nrole_arn=r\nsource_profile=p{}\n",
                    if n == 0 { String::new() } else { n.to_string() },
                    n + 1
                )
            })
            .collect();
        assert!(told(&chain).contains("more than 8 profiles"));
    }
}
