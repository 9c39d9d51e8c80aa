//! `application/x-www-form-urlencoded`, as `java.net.URLEncoder` writes it.

use rohrpost_sasl::Secret;
use zeroize::Zeroizing;

/// The body of a form, wiped when it is dropped.
pub(crate) struct Form(Zeroizing<Vec<u8>>);

impl Form {
    pub(crate) fn new() -> Self {
        // Room for a token or two, so that it need not move: what it leaves behind is not wiped.
        Self(Zeroizing::new(Vec::with_capacity(16 * 1024)))
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if !self.0.is_empty() {
            self.0.push(b'&');
        }
        encode(name.as_bytes(), &mut self.0);
        self.0.push(b'=');
        encode(value.as_ref(), &mut self.0);
        self
    }

    pub(crate) fn into_secret(mut self) -> Secret {
        Secret::new(std::mem::take(&mut *self.0))
    }
}

/// Spaces become `+`; letters, digits, `.`, `-`, `*` and `_` stay; the rest are bytes in hexadecimal.
pub(crate) fn encode(value: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in value {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => into.push(byte),
            b' ' => into.push(b'+'),
            _ => {
                into.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_java_does() {
        let form = Form::new().with("grant_type", "a b").with("scope", "é/~*-._:+&=");
        let expected = "grant_type=a+b&scope=%C3%A9%2F%7E*-._%3A%2B%26%3D";
        assert_eq!(form.into_secret().expose_str(), Some(expected));
    }
}
