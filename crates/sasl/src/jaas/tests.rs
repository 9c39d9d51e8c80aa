//! What Java takes, and what it (or at least this) does not.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn options(text: &str) -> Vec<(String, String)> {
    let jaas = JaasConfig::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    jaas.options().map(|(name, value)| (name.into(), value.into())).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

#[test]
fn the_examples_of_kafkas_manual_are_read() {
    let kerberos = r#"com.sun.security.auth.module.Krb5LoginModule required \
        useKeyTab=true storeKey=true
        keyTab="/etc/security/keytabs/kafka_client.keytab"
        principal="kafka-client-1@EXAMPLE.COM";"#;
    let jaas = JaasConfig::parse(&kerberos.replace('\\', "")).unwrap();
    assert_eq!(jaas.module(), LoginModule::Kerberos);
    assert_eq!(jaas.flag(), ControlFlag::Required);
    assert_eq!(jaas.option("useKeyTab"), Some("true"));
    assert_eq!(jaas.option("keyTab"), Some("/etc/security/keytabs/kafka_client.keytab"));
    assert_eq!(jaas.option("none"), None);
    let module = |class: &str| JaasConfig::parse(&format!("{class} Required;")).unwrap().module();
    let kafka = "org.apache.kafka.common.security";
    assert_eq!(module(&format!("{kafka}.plain.PlainLoginModule")), LoginModule::Plain);
    assert_eq!(module(&format!("{kafka}.scram.ScramLoginModule")), LoginModule::Scram);
    assert_eq!(
        module(&format!("{kafka}.oauthbearer.OAuthBearerLoginModule")),
        LoginModule::OAuthBearer
    );
    assert_eq!(module("software.amazon.msk.auth.iam.IAMLoginModule"), LoginModule::MskIam);
    assert_eq!(module("com.sun.security.auth.module.JndiLoginModule"), LoginModule::Other);
}

#[test]
fn quotes_and_escapes_are_those_of_javas_tokenizer() {
    let value = |written: &str| options(&format!("M required p={written};"))[0].1.clone();
    assert_eq!(value(r#""with space; = // and 'quotes'""#), "with space; = // and 'quotes'");
    assert_eq!(value(r#"'it says "x"'"#), r#"it says "x""#);
    assert_eq!(value(r#""a\"b\\c\'d\qe""#), r#"a"b\c'dqe"#);
    assert_eq!(value(r#""\t\n\r\f\a\b\v""#), "\t\n\r\x0c\x07\x08\x0b");
    assert_eq!(value(r#""\101\1018\48\377\400\0""#), "AA8\u{4}8\u{ff}\u{20}0\0");
    assert_eq!(value("\"\""), "");
    assert_eq!(value("\"päss 🚀\""), "päss 🚀");
    assert_eq!(value("word-with_signs$and.dots7"), "word-with_signs$and.dots7");
    assert_eq!(value("größe"), "größe");
}

#[test]
fn comments_space_case_and_repetition_are_as_in_java() {
    let text =
        "/* the * / module */ M // its flag\n\tREQUIRED a = 'x' // \"\r\n b\n=\ny a=z/**/;//end";
    assert_eq!(options(text), [pair("a", "z"), pair("b", "y")]);
    for (flag, expected) in [
        ("requisite", ControlFlag::Requisite),
        ("Sufficient", ControlFlag::Sufficient),
        ("\"OPTIONAL\"", ControlFlag::Optional),
    ] {
        assert_eq!(JaasConfig::parse(&format!("M {flag};")).unwrap().flag(), expected);
    }
    assert_eq!(options("M required 'a b'=c;"), [pair("a b", "c")]);
    assert_eq!(options("M required;"), vec![]);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    use JaasErrorKind as Kind;
    let cases: &[(&str, usize, usize, Kind)] = &[
        ("", 1, 1, Kind::NoModule),
        (" // nothing", 1, 12, Kind::NoModule),
        ("= required;", 1, 1, Kind::NoModule),
        ("M", 1, 2, Kind::NoControlFlag),
        ("M ;", 1, 3, Kind::NoControlFlag),
        ("M username=\"x\";", 1, 3, Kind::NoControlFlag),
        ("M required username;", 1, 20, Kind::NoEquals),
        ("M required\n  password=my secret;", 2, 21, Kind::NoEquals),
        ("M required =x;", 1, 12, Kind::NoOption),
        ("M required 7=x;", 1, 12, Kind::NoOption),
        ("M required a=;", 1, 14, Kind::NoValue),
        ("M required a==x;", 1, 14, Kind::NoValue),
        ("M required a=", 1, 14, Kind::NoValue),
        ("M required a=60;", 1, 14, Kind::NotQuoted),
        ("M required a=-x;", 1, 14, Kind::NotQuoted),
        ("M required a=.5;", 1, 14, Kind::NotQuoted),
        ("M required keyTab=/etc/x;", 1, 19, Kind::Character),
        ("M required a=p@ss;", 1, 15, Kind::Character),
        ("M required a=\\x;", 1, 14, Kind::Character),
        ("M required\n\n a=\"x;\n b=\"y\";", 3, 4, Kind::OpenQuote),
        ("M required a='x", 1, 14, Kind::OpenQuote),
        ("M required a=\"x\\", 1, 14, Kind::OpenQuote),
        ("M required /* a=x;", 1, 12, Kind::OpenComment),
        ("M required a=x", 1, 15, Kind::NoSemicolon),
        ("M required a=x;\nN required;", 2, 1, Kind::SecondModule),
        ("KafkaClient { M required; };", 1, 13, Kind::Character),
    ];
    for &(text, line, column, kind) in cases {
        let error = JaasConfig::parse(text).unwrap_err();
        assert_eq!(error, JaasError { line, column, kind }, "{text}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn values_are_not_shown() {
    let jaas = JaasConfig::parse("M required username=alice password='hush-hush';").unwrap();
    let shown = format!("{jaas:?} {:?}", jaas.secret("password"));
    assert!(shown.contains("password") && !shown.contains("hush"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_brings_it_down(text in any::<String>(), rest in "[ -~\n]{0,40}") {
        drop(JaasConfig::parse(&text));
        drop(JaasConfig::parse(&format!("M required {rest}")));
    }

    #[test]
    fn any_value_comes_back_from_quotes(value in ".*", quote in "[\"']") {
        let mut written = String::new();
        for c in value.chars() {
            match c {
                '\n' => written.push_str("\\n"),
                '\r' => written.push_str("\\r"),
                '\\' | '"' | '\'' => written.extend(['\\', c]),
                c => written.push(c),
            }
        }
        let text = format!("M required p={quote}{written}{quote};");
        prop_assert_eq!(options(&text), [pair("p", &value)]);
    }
}
