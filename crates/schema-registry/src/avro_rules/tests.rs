use super::*;

fn parsed(text: &str) -> AvroSchema {
    AvroSchema::parse(text, &[]).unwrap()
}

/// Kinds and paths.
fn contradictions(reader: &str, writer: &str) -> Vec<String> {
    let found = incompatibilities(&parsed(reader), &parsed(writer));
    found.iter().map(|it| format!("{} {} {}", it.kind.name(), it.path, it.what)).collect()
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

#[test]
fn a_schema_reads_itself_and_what_promotes_to_it() {
    for (reader, writers) in [
        ("\"long\"", &["\"long\"", "\"int\""][..]),
        ("\"float\"", &["\"float\"", "\"int\"", "\"long\""]),
        ("\"double\"", &["\"double\"", "\"int\"", "\"long\"", "\"float\""]),
        ("\"string\"", &["\"string\"", "\"bytes\""]),
        ("\"bytes\"", &["\"bytes\"", "\"string\""]),
        (r#"["null","long"]"#, &["\"null\"", "\"int\"", r#"["int"]"#, r#"["long","null"]"#]),
        ("\"int\"", &[r#"["int"]"#]),
        (r#"{"type":"array","items":"long"}"#, &[r#"{"type":"array","items":"int"}"#]),
        (r#"{"type":"map","values":"long"}"#, &[r#"{"type":"map","values":"int"}"#]),
    ] {
        for writer in writers {
            assert_eq!(contradictions(reader, writer), [""; 0], "{reader} {writer}");
        }
    }
}

#[test]
fn each_contradiction_says_what_and_where() {
    let cases = [
        ("\"int\"", "\"long\"", "TYPE_MISMATCH / int for long"),
        (
            r#"{"type":"array","items":"int"}"#,
            r#"{"type":"array","items":"string"}"#,
            "TYPE_MISMATCH /items int for string",
        ),
        (r#"["null","int"]"#, "\"string\"", "MISSING_UNION_BRANCH / string"),
        (r#"["null","int"]"#, r#"["null","string"]"#, "MISSING_UNION_BRANCH /1 string"),
        ("\"int\"", r#"["int","null"]"#, "TYPE_MISMATCH / int for null"),
        (
            r#"{"type":"fixed","name":"F","size":4}"#,
            r#"{"type":"fixed","name":"F","size":8}"#,
            "FIXED_SIZE_MISMATCH /size 4 and 8 bytes",
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["A"]}"#,
            r#"{"type":"enum","name":"E","symbols":["A","B","C"]}"#,
            "MISSING_ENUM_SYMBOLS /symbols B, C",
        ),
        (
            r#"{"type":"enum","name":"a.E","symbols":["A"]}"#,
            r#"{"type":"enum","name":"a.D","symbols":["A"]}"#,
            "NAME_MISMATCH /name a.E and a.D",
        ),
    ];
    for (reader, writer, expected) in cases {
        assert_eq!(contradictions(reader, writer), [expected], "{reader} {writer}");
    }
    let (old, new) =
        (record(r#"{"name":"a","type":"int"}"#), record(r#"{"name":"b","type":"int"}"#));
    assert_eq!(contradictions(&new, &old), ["READER_FIELD_MISSING_DEFAULT_VALUE /fields/0 b"]);
    let inner =
        |of: &str| record(&format!(r#"{{"name":"a","type":{{"type":"array","items":{of}}}}}"#));
    assert_eq!(
        contradictions(&inner("\"int\""), &inner("\"string\"")),
        ["TYPE_MISMATCH /fields/0/type/items int for string"]
    );
}

#[test]
fn defaults_aliases_and_enum_defaults_make_room() {
    let old = record(r#"{"name":"a","type":"int"}"#);
    let with_default = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":0}"#);
    let renamed = record(r#"{"name":"b","type":"int","aliases":["a"]}"#);
    for new in [&with_default, &renamed] {
        assert_eq!(contradictions(new, &old), [""; 0], "{new}");
    }
    assert_eq!(contradictions(&old, &with_default), [""; 0]);
    assert_eq!(
        contradictions(
            r#"{"type":"enum","name":"E","symbols":["A"],"default":"A"}"#,
            r#"{"type":"enum","name":"E","symbols":["A","B"]}"#
        ),
        [""; 0]
    );
    // Namespaces do not count; another name by an alias does.
    assert_eq!(
        contradictions(
            r#"{"type":"fixed","name":"b.F","size":1,"aliases":["a.G"]}"#,
            r#"{"type":"fixed","name":"a.G","size":1}"#
        ),
        [""; 0]
    );
}

#[test]
fn records_that_contain_themselves_are_compared_to_the_end() {
    let list = |of: &str| {
        format!(
            r#"{{"type":"record","name":"L","fields":[{{"name":"v","type":"{of}"}},{{"name":"n","type":["null","L"]}}]}}"#
        )
    };
    assert_eq!(contradictions(&list("long"), &list("int")), [""; 0]);
    assert_eq!(
        contradictions(&list("int"), &list("long"))[0],
        "TYPE_MISMATCH /fields/0/type int for long"
    );
}

#[test]
fn a_chain_that_is_too_long_is_no_reason_to_crash() {
    let link = |number: usize| {
        let next = match number {
            0 => "\"int\"".to_owned(),
            _ => format!("\"R{}\"", number - 1),
        };
        format!(r#"{{"type":"record","name":"R{number}","fields":[{{"name":"f","type":{next}}}]}}"#)
    };
    let chain: Vec<String> = (0..1_200).map(link).collect();
    let text = format!("[{}]", chain.join(","));
    let schema = parsed(&format!(
        "{{\"type\":\"record\",\"name\":\"Top\",\"fields\":[{{\"name\":\"all\",\"type\":{text}}},{{\"name\":\"last\",\"type\":\"R1199\"}}]}}"
    ));
    let other = parsed(&format!(
        "{{\"type\":\"record\",\"name\":\"Top\",\"fields\":[{{\"name\":\"skip\",\"type\":\"int\",\"default\":1}},{{\"name\":\"last\",\"type\":{}}}]}}",
        link(0)
    ));
    assert!(!incompatibilities(&other, &schema).is_empty());
    assert!(
        !incompatibilities(&schema, &schema)
            .iter()
            .any(|it| it.kind == compatible::Kind::NameMismatch)
    );
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (text, reason) in [
        ("{", "JSON"),
        ("string", "JSON"),
        ("7", "no schema"),
        ("{}", "\"type\""),
        ("\"Order\"", "no type is called"),
        (r#"[["null"]]"#, "union"),
        (r#"["int","int"]"#, "twice"),
        (r#"{"type":"array"}"#, "items"),
        (r#"{"type":"fixed","name":"F"}"#, "size"),
        (r#"{"type":"enum","name":"E"}"#, "symbols"),
        (r#"{"type":"enum","name":"E","symbols":["a b"]}"#, "symbol"),
        (r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#, "default"),
        (r#"{"type":"record","name":"R"}"#, "fields"),
        (r#"{"type":"record","name":"a-b","fields":[]}"#, "name"),
        (r#"{"type":"record","name":"int","fields":[]}"#, "own types"),
        (&record(r#"{"name":"a","type":"int"},{"name":"a","type":"int"}"#), "twice"),
        (&record(r#"{"name":"a","type":"int","default":"x"}"#), "R.a: the default"),
        (&record(r#"{"name":"a","type":["null","int"],"default":"x"}"#), "R.a: the default"),
        (&record(r#"{"name":"a","type":{"type":"array","items":"Order"}}"#), "R.a: no type"),
        (&record(r#"{"name":"a","type":"int","order":"up"}"#), "order"),
        (&"[".repeat(100_000), "JSON"),
    ] {
        let error = AvroSchema::parse(text, &[]).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn what_is_referred_to_is_known_by_its_full_name() {
    let address = r#"{"type":"record","name":"Address","namespace":"a.b","fields":[]}"#;
    let order = r#"{"type":"record","name":"a.b.Order","fields":[{"name":"to","type":"Address"},{"name":"from","type":["null","a.b.Address"]}]}"#;
    assert!(AvroSchema::parse(order, &[]).is_err());
    assert!(AvroSchema::parse(order, &[address]).is_ok());
}

#[cfg(feature = "test-registry")]
#[test]
fn texts_that_say_the_same_have_one_form() {
    let same = [
        r#"{"type":"record","name":"a.R","doc":"d","fields":[{"name":"x","type":{"type":"string"},"default":""},{"name":"y","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}]}"#,
        r#"{ "fields": [ {"type": "string", "name": "x", "default": "", "order": "ascending"}, {"name":"y","type":{"scale":2,"precision":4,"logicalType":"decimal","type":"bytes"}} ],
            "namespace": "a", "name": "R", "doc": "d", "type": "record" }"#,
    ];
    let [first, second] = same.map(|text| parsed(text).canonical());
    assert_eq!(first, second);
    assert_eq!(parsed(&first).canonical(), first);
    assert_eq!(
        first,
        r#"{"type":"record","name":"R","namespace":"a","doc":"d","fields":[{"name":"x","type":"string","default":""},{"name":"y","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}]}"#
    );
    let address = r#"{"type":"record","name":"Address","namespace":"a.b","fields":[]}"#;
    let order = r#"{"type":"record","name":"a.b.Order","fields":[{"name":"to","type":"a.b.Address"},{"name":"old","type":{"type":"fixed","name":"c.F","size":1}},{"name":"new","type":"c.F"}]}"#;
    let schema = AvroSchema::parse(order, &[address]).unwrap();
    assert_eq!(
        schema.canonical(),
        r#"{"type":"record","name":"Order","namespace":"a.b","fields":[{"name":"to","type":"Address"},{"name":"old","type":{"type":"fixed","name":"F","namespace":"c","size":1}},{"name":"new","type":"c.F"}]}"#
    );
}
