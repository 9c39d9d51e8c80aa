//! Files of Protocol Buffers as the registry has them, and back.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use prost::Message;
use prost_reflect::{DescriptorPool, FileDescriptor, MessageDescriptor};
use prost_types::FileDescriptorProto;

use super::vetting::Vetting;
use crate::resolver::{Import, OwnSchema};

/// What every client has.
const WELL_KNOWN: &str = "google/protobuf/";
/// The name of a file that the registry does not name.
const DEFAULT: &str = "default.proto";

/// The file of a message, with those that it imports.
pub(super) fn own_schema(message: &MessageDescriptor) -> OwnSchema {
    let file = message.parent_file();
    let mut imports = Vec::new();
    let mut seen = BTreeSet::new();
    for import in own_imports(&file) {
        collect(&import, &mut seen, &mut imports);
    }
    OwnSchema {
        text: text(&file),
        references: Vec::new(),
        imports,
        imported: own_imports(&file).map(|import| import.name().to_owned()).collect(),
    }
}

fn own_imports(file: &FileDescriptor) -> impl Iterator<Item = FileDescriptor> + '_ {
    file.dependencies().filter(|import| !import.name().starts_with(WELL_KNOWN))
}

/// Each file after those that it imports itself.
fn collect(file: &FileDescriptor, seen: &mut BTreeSet<String>, into: &mut Vec<Import>) {
    if !seen.insert(file.name().to_owned()) {
        return;
    }
    for import in own_imports(file) {
        collect(&import, seen, into);
    }
    into.push(Import {
        name: file.name().to_owned(),
        text: text(file),
        imported: own_imports(file).map(|import| import.name().to_owned()).collect(),
    });
}

/// A file's descriptor in base64, without its comments and positions, which Confluent's clients do not have either.
fn text(file: &FileDescriptor) -> String {
    Base64::encode_string(&without_source_info(&file.encode_to_vec()))
}

/// Copied rather than decoded and encoded: options that are not known here stay as they are.
fn without_source_info(descriptor: &[u8]) -> Vec<u8> {
    const SOURCE_CODE_INFO: u32 = 9;
    let mut kept = Vec::with_capacity(descriptor.len());
    let mut rest = descriptor;
    while !rest.is_empty() {
        let begin = rest;
        let Ok((number, wire)) = prost::encoding::decode_key(&mut rest) else { break };
        let context = prost::encoding::DecodeContext::default();
        if prost::encoding::skip_field(wire, number, &mut rest, context).is_err() {
            break;
        }
        if number != SOURCE_CODE_INFO {
            kept.extend_from_slice(&begin[..begin.len() - rest.len()]);
        }
    }
    kept
}

/// A file of the registry: a descriptor in base64, or the text of a `.proto` file. Those that it imports come with their names, each after those that it imports itself.
pub(super) fn file<'a>(
    text: &str,
    imports: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<FileDescriptor, String> {
    let mut pool = well_known()?;
    let mut vetting = Vetting::default();
    let mut taken = BTreeSet::new();
    for (name, text) in imports {
        if pool.get_file_by_name(name).is_none() {
            taken.insert(name);
            add(&mut pool, &mut vetting, name, text)?;
        }
    }
    let name = if taken.contains(DEFAULT) { "default.own.proto" } else { DEFAULT };
    add(&mut pool, &mut vetting, name, text)?;
    pool.get_file_by_name(name).ok_or_else(|| format!("{name} is lost"))
}

fn add(
    pool: &mut DescriptorPool,
    vetting: &mut Vetting,
    name: &str,
    text: &str,
) -> Result<(), String> {
    let mut file = match Base64::decode_vec(text.trim()) {
        Ok(bytes) => FileDescriptorProto::decode(&*bytes)
            .map_err(|error| format!("{name} is no file descriptor: {error}"))?,
        Err(_) => protox_parse::parse(name, text)
            .map_err(|error| format!("{name} is no .proto file: {error}"))?,
    };
    file.name = Some(name.to_owned());
    let file = vetting.vet(file).map_err(|problem| format!("{name}: {problem}"))?;
    pool.add_file_descriptor_proto(file).map_err(|error| format!("{name}: {error}"))
}

/// The global pool may hold the program's own files too, in other versions.
fn well_known() -> Result<DescriptorPool, String> {
    let mut pool = DescriptorPool::new();
    let global = DescriptorPool::global();
    let known = global.file_descriptor_protos().filter(|file| file.name().starts_with(WELL_KNOWN));
    pool.add_file_descriptor_protos(known.cloned()).map_err(|error| error.to_string())?;
    Ok(pool)
}
