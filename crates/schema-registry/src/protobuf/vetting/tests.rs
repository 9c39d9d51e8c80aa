use base64ct::{Base64, Encoding};
use prost::Message;
use prost_types::descriptor_proto::{ExtensionRange, ReservedRange};

use super::super::files;
use super::*;

/// What becomes of a schema, where it uses these.
fn read(text: &str, imports: &[(String, String)]) -> Result<prost_reflect::FileDescriptor, String> {
    files::file(text, imports.iter().map(|(name, text)| (&**name, &**text)))
}

fn compiled(file: &FileDescriptorProto) -> Result<prost_reflect::FileDescriptor, String> {
    read(&Base64::encode_string(&file.encode_to_vec()), &[])
}

fn file(message: DescriptorProto) -> FileDescriptorProto {
    FileDescriptorProto { message_type: vec![message], ..FileDescriptorProto::default() }
}

fn message(name: &str, fields: Vec<FieldDescriptorProto>) -> DescriptorProto {
    DescriptorProto { name: Some(name.to_owned()), field: fields, ..DescriptorProto::default() }
}

fn field(name: &str, number: i32, of: Type, label: Label) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        r#type: Some(of.into()),
        label: Some(label.into()),
        ..FieldDescriptorProto::default()
    }
}

/// With a map whose entries have these fields.
fn with_map(fields: Vec<FieldDescriptorProto>) -> FileDescriptorProto {
    let mut entry = message("E", fields);
    entry.options = Some(MessageOptions { map_entry: Some(true), ..MessageOptions::default() });
    let mut map = field("map", 1, Type::Message, Label::Repeated);
    map.type_name = Some(".A.E".to_owned());
    let mut outer = message("A", vec![map]);
    outer.nested_type = vec![entry];
    file(outer)
}

fn of(begin: &str, repeated: impl Fn(usize) -> String, times: usize, end: &str) -> String {
    let repeated: String = (0..times).map(repeated).collect();
    format!("syntax = \"proto2\"; {begin}{repeated}{end}")
}

#[test]
fn editions_are_refused_and_not_panicked_over() {
    for (syntax, is_read) in [("proto2", true), ("proto3", true), ("editions", false), ("", false)]
    {
        let mut file = file(message("A", Vec::new()));
        file.syntax = Some(syntax.to_owned());
        assert_eq!(compiled(&file).is_ok(), is_read, "{syntax:?}");
    }
}

#[test]
fn only_entries_of_maps_are_taken_for_them() {
    use Label::{Optional, Repeated};
    let value = || field("value", 2, Type::Int32, Optional);
    let key = |of| field("key", 1, of, Optional);
    assert!(compiled(&with_map(vec![key(Type::String), value()])).is_ok());
    assert!(compiled(&with_map(vec![value(), key(Type::Bool)])).is_ok());
    let mut reference = key(Type::Int32);
    reference.type_name = Some(".A".to_owned());
    for fields in [
        vec![],
        vec![key(Type::String)],
        vec![value()],
        vec![key(Type::Bytes), value()],
        vec![key(Type::Double), value()],
        vec![reference, value()],
        vec![field("key", 1, Type::Int32, Repeated), value()],
        vec![key(Type::Int32), field("value", 2, Type::Int32, Repeated)],
        vec![key(Type::Int32), field("value", 3, Type::Int32, Optional)],
        vec![key(Type::Int32), value(), field("more", 3, Type::Int32, Optional)],
    ] {
        let error = compiled(&with_map(fields)).unwrap_err();
        assert!(error.contains("E is an entry of a map"), "{error}");
    }
    let by_hand = "syntax = \"proto3\"; message A { repeated E map = 1; message E { option map_entry = true; } }";
    assert!(read(by_hand, &[]).is_err());
}

#[test]
fn defaults_of_bytes_are_escaped_as_compilers_do_it() {
    for (default, is_read) in [
        (r"\377\000 z\\777", true),
        (r"\xff\n", true),
        (r"\400", false),
        (r"\\\777", false),
        ("\\xa€", false),
        (r"\", false),
    ] {
        let mut bytes = field("b", 1, Type::Bytes, Label::Optional);
        bytes.default_value = Some(default.to_owned());
        assert_eq!(compiled(&file(message("A", vec![bytes]))).is_ok(), is_read, "{default}");
    }
}

#[test]
fn what_is_imported_publicly_is_seen_at_any_depth_and_gone_through_once() {
    let imports: Vec<(String, String)> = (0..100)
        .map(|number| {
            let public = |other| format!("import public \"f{other}\";");
            let earlier: String = (0..number).map(public).collect();
            let text = format!("syntax = \"proto3\"; {earlier} message M{number} {{}}");
            (format!("f{number}"), text)
        })
        .collect();
    let schema = "syntax = \"proto3\"; import \"f99\"; message A { M0 first = 1; M99 last = 2; }";
    assert!(read(schema, &imports).is_ok());
    let own = "syntax = \"proto3\"; import public \"default.proto\"; message A {}";
    assert!(read(own, &[]).is_ok());
    // What is not public is not seen.
    let imports = [("a", "message M {}"), ("b", "import \"a\"; message N { optional M m = 1; }")];
    let imports = imports.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert!(read("import \"b\"; message A { optional N n = 1; }", &imports).is_ok());
    assert!(read("import \"b\"; message A { optional M m = 1; }", &imports).is_err());
}

#[test]
fn names_take_no_memory_out_of_proportion() {
    let field = |number| format!("optional int32 a{number} = {};", number + 1);
    let long = "A".repeat(1_500);
    for text in [
        of("package a", |_| ".a".to_owned(), 1_000, "; message A {}"),
        of(&format!("message {long} {{"), field, 10, "}"),
        of("message A {", |_| format!("message {} {{", "A".repeat(60)), 20, &"}".repeat(21)),
        of(&format!("package a{}; message A {{", "a".repeat(900)), field, 40_000, "}"),
    ] {
        let error = read(&text, &[]).unwrap_err();
        assert!(error.contains("bytes"), "{error}");
    }
    assert!(read(&of("package a.b.c; message A {", field, 10_000, "}"), &[]).is_ok());
}

#[test]
fn many_ranges_of_numbers_cost_nothing() {
    let mut reserved = message("A", Vec::new());
    for number in 1..1_000 {
        reserved.field.push(field(&format!("f{number}"), number, Type::Int32, Label::Optional));
    }
    let all = ReservedRange { start: Some(1), end: Some(5_000) };
    reserved.reserved_range = vec![all; 10_000];
    // Whoever registered it saw to it that no field has a reserved number.
    assert!(compiled(&file(reserved)).is_ok());
    let mut extensible = message("A", Vec::new());
    extensible.extension_range = vec![ExtensionRange::default(); 10_000];
    let error = compiled(&file(extensible)).unwrap_err();
    assert!(error.contains("ranges"), "{error}");
}
