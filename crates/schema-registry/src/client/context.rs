//! Contexts: parts of a registry with numbers of their own. A subject in one is called `:.context:subject`.

use std::fmt;

/// A context by its name, which begins with a dot; the default one is a dot alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Context(String);

impl Default for Context {
    fn default() -> Self {
        Self(".".to_owned())
    }
}

impl Context {
    /// `name` may be without its dot. What cannot be in a name is the colon that ends it.
    pub(super) fn new(name: &str) -> Result<Self, String> {
        let name = name.strip_prefix('.').unwrap_or(name);
        match name.contains(':') {
            true => Err(format!("{name:?} cannot be a context's name: it has a colon")),
            false => Ok(Self(format!(".{name}"))),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    pub(super) fn is_default(&self) -> bool {
        self.0 == "."
    }

    /// As answers have it: with or without colons.
    pub(super) fn is_called(&self, name: &str) -> bool {
        name.trim_matches(':') == self.0
    }

    /// The subject with this context, unless it names one itself.
    pub(super) fn qualify(&self, subject: &str) -> String {
        match self.is_default() || subject.starts_with(":.") {
            true => subject.to_owned(),
            false => format!("{self}{subject}"),
        }
    }

    /// The context that the subject names, else this one.
    pub(super) fn of(&self, subject: Option<&str>) -> Self {
        match subject.and_then(|subject| subject.strip_prefix(":.")) {
            Some(rest) => {
                let name = rest.split(':').next().unwrap_or_default();
                Self(format!(".{name}"))
            }
            None => self.clone(),
        }
    }
}

/// As the prefix of a subject.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_default() {
            true => Ok(()),
            false => write!(f, ":{}:", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_put_into_the_context_unless_it_names_one() {
        let sales = Context::new("sales").unwrap();
        assert_eq!(sales, Context::new(".sales").unwrap());
        assert_eq!(sales.qualify("orders-value"), ":.sales:orders-value");
        assert_eq!(sales.qualify(":.other:orders-value"), ":.other:orders-value");
        assert_eq!(Context::default().qualify("orders-value"), "orders-value");
        assert!(Context::new("a:b").is_err());
    }

    #[test]
    fn a_subjects_context_is_its_own_or_the_clients() {
        let sales = Context::new("sales").unwrap();
        assert_eq!(sales.of(None), sales);
        assert_eq!(sales.of(Some("orders")), sales);
        assert_eq!(sales.of(Some(":.other:orders")).name(), ".other");
        assert!(sales.of(Some(":.:orders")).is_default());
        assert!(sales.is_called(":.sales:") && sales.is_called(".sales"));
    }
}
