//! Values that nobody is to see.

use std::fmt;
use std::ops::Deref;

#[cfg(any(feature = "_tls", feature = "sasl"))]
type Text = zeroize::Zeroizing<String>;
/// Without TLS and SASL every property with a secret is refused, so that there is none.
#[cfg(not(any(feature = "_tls", feature = "sasl")))]
type Text = String;

/// A secret text: not shown, and wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(Text);

impl Password {
    pub(crate) fn new(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Text::from(text))
    }
}

impl Deref for Password {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let password = Password::new("hunter2");
        assert_eq!(format!("{password:?} {:?}", Some(&password)), "[hidden] Some([hidden])");
        assert_eq!(&*password, "hunter2");
    }
}
