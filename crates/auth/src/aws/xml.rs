//! As much of XML as the answers of AWS' Security Token Service need: the text of elements that hold nothing else.

use std::borrow::Cow;

/// The text of the first element of this name. Elements of AWS' have no attributes but for the outermost one's namespace.
pub(super) fn text<'x>(xml: &'x str, name: &str) -> Option<Cow<'x, str>> {
    let open = format!("<{name}>");
    let from = xml.find(&open)? + open.len();
    let to = from + xml[from..].find('<')?;
    let ends = xml[to..].strip_prefix("</")?.strip_prefix(name)?.starts_with('>');
    ends.then(|| unescaped(xml[from..to].trim()))
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    // The ampersand last, so that what it makes is not taken for another entity.
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#xA;", "\n"),
        ("&amp;", "&"),
    ];
    Cow::Owned(
        entities.iter().fold(text.to_owned(), |text, (entity, means)| text.replace(entity, means)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_element_is_found() {
        let xml = r#"<R xmlns="https://sts"><Error><Code>A</Code><Message> x &amp;lt; &lt;y&gt; </Message><Empty></Empty></Error></R>"#;
        assert_eq!(text(xml, "Code").as_deref(), Some("A"));
        assert_eq!(text(xml, "Message").as_deref(), Some("x &lt; <y>"));
        assert_eq!(text(xml, "Empty").as_deref(), Some(""));
        for none in ["Error", "R", "Other", "Cod"] {
            assert_eq!(text(xml, none), None, "{none}");
        }
        for broken in ["<Code>A", "<Code>A</Other>", "<Code>A</Code", "<Code>", "", "<Code>A</"] {
            assert_eq!(text(broken, "Code"), None, "{broken}");
        }
    }
}
