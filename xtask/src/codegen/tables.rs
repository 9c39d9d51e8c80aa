//! What is generated once for all messages: the list of modules, the API keys, the error codes.

use std::fmt::Write;

use super::definition::Versions;
use super::kafka_clients::ErrorRow;
use super::model::{Api, Definitions};
use super::{KAFKA_VERSION, Result, areas};

/// `messages.rs`. rustfmt would look for the modules' files: this text is formatted as it is.
pub(super) fn messages(definitions: &Definitions) -> Result<String> {
    let mut out = header("message definitions");
    out.push_str(
        "//!\n//! One module a message, with the structures that it is made of. The messages themselves are here too.\n\n",
    );
    let mut modules = String::new();
    let mut uses = String::new();
    for message in &definitions.messages {
        let mut cfg = areas::cfg(&message.name)?;
        if !cfg.is_empty() {
            cfg.push('\n');
        }
        let (name, module) = (&message.name, &message.module);
        let _ = writeln!(modules, "{cfg}pub mod {module};");
        let _ = writeln!(uses, "{cfg}pub use {module}::{name};");
    }
    let _ = writeln!(out, "{modules}\n{uses}");
    let _ = write!(
        out,
        "/// Hands every API, its request and its response to a macro.\n\
         macro_rules! with_every_api {{\n    \
             ($macro:ident) => {{\n        $macro! {{\n{}        }}\n    }};\n\
         }}\npub(crate) use with_every_api;\n",
        every_api(definitions)?
    );
    Ok(out)
}

/// A line for each API that has not been removed, by its key.
fn every_api(definitions: &Definitions) -> Result<String> {
    let mut list = String::new();
    for api in definitions.apis.iter().filter(|api| !api.versions.is_none()) {
        for line in areas::cfg(&format!("{}Request", api.name))?.lines() {
            let _ = writeln!(list, "            {line}");
        }
        let _ = writeln!(list, "            {0}: {0}Request, {0}Response;", api.name);
    }
    Ok(list)
}

/// `tests/samples.rs`: every message, and of every structure the fields with their names in JSON, the
/// versions that have them, and those in which they can be null. It does not go by the code that encodes
/// and decodes, and who includes it says what to make of it.
pub(super) fn samples(definitions: &Definitions) -> Result<String> {
    let mut out = header("message definitions");
    out.push_str(
        "\n/// Hands module and name of every message to a macro.\nmacro_rules! with_every_message {\n    \
             ($macro:ident) => {\n        $macro! {\n",
    );
    for message in &definitions.messages {
        for line in areas::cfg(&message.name)?.lines() {
            let _ = writeln!(out, "            {line}");
        }
        let _ = writeln!(out, "            {} {},", message.module, message.name);
    }
    out.push_str(
        "        }\n    };\n}\npub(crate) use with_every_message;\n\n\
         /// Hands every structure to a macro: each field with its name in JSON, the versions that have it,\n\
         /// and those in which it can be null.\nmacro_rules! with_every_structure {\n    \
             ($macro:ident) => {\n        $macro! {\n",
    );
    let range = |versions: Versions| {
        if versions.is_none() {
            "NEVER".to_owned()
        } else {
            format!("({}, {})", versions.min, versions.max)
        }
    };
    for message in &definitions.messages {
        let cfg = areas::cfg(&message.name)?;
        for structure in &message.structs {
            for line in cfg.lines() {
                let _ = writeln!(out, "            {line}");
            }
            let _ = writeln!(out, "            {}::{} {{", message.module, structure.name);
            for field in &structure.fields {
                let (versions, nullable) = (range(field.versions), range(field.nullable));
                let (name, json) = (&field.name, &field.json);
                let _ = writeln!(out, "                {name} {json:?}: {versions}, {nullable};");
            }
            out.push_str("            }\n");
        }
    }
    out.push_str("        }\n    };\n}\npub(crate) use with_every_structure;\n");
    Ok(out)
}

/// `api_key.rs`.
pub(super) fn api_keys(apis: &[Api]) -> String {
    let mut out = header("message definitions");
    out.push_str(
        "\nuse core::fmt;\n\nuse crate::VersionRange;\n\n\
         /// Which request a frame holds, or which request it answers. Its number is the protocol's key.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n\
         #[repr(i16)]\n#[non_exhaustive]\npub enum ApiKey {\n",
    );
    for api in apis {
        let _ = writeln!(out, "/// Key {}, {}.\n{} = {},", api.key, spoken(api), api.name, api.key);
    }
    out.push_str(
        "}\n\nimpl ApiKey {\n/// Every key, the lowest first.\npub const ALL: &[Self] = &[\n",
    );
    for api in apis {
        let _ = writeln!(out, "Self::{},", api.name);
    }
    out.push_str(
        "];\n\n/// The protocol's name of the API, such as `Produce`.\n#[must_use]\n\
         pub const fn name(self) -> &'static str {\nmatch self {\n",
    );
    for api in apis {
        let _ = writeln!(out, "Self::{} => \"{}\",", api.name, api.name);
    }
    out.push_str(
        "}\n}\n\n/// The versions of the API that this crate speaks: of its request and its response alike,\n\
         /// without an unstable one. None for an API that Kafka 4 has removed.\n#[must_use]\n\
         pub const fn versions(self) -> VersionRange {\nmatch self {\n",
    );
    let mut ranges: Vec<Versions> = apis.iter().map(|api| api.versions).collect();
    ranges.sort_by_key(|range| (range.min, range.max));
    ranges.dedup();
    for range in ranges {
        let same: Vec<String> = apis
            .iter()
            .filter(|api| api.versions == range)
            .map(|api| format!("Self::{}", api.name))
            .collect();
        let value = if range.is_none() {
            "VersionRange::EMPTY".to_owned()
        } else {
            format!("VersionRange::new({}, {})", range.min, range.max)
        };
        let _ = writeln!(out, "{} => {value},", same.join(" | "));
    }
    out.push_str(
        "}\n}\n}\n\nimpl TryFrom<i16> for ApiKey {\ntype Error = UnknownApiKey;\n\n\
         fn try_from(key: i16) -> Result<Self, UnknownApiKey> {\n\
         // The keys have no gaps; the first is 0.\n\
         let index = usize::try_from(key).map_err(|_| UnknownApiKey(key))?;\n\
         Self::ALL.get(index).copied().ok_or(UnknownApiKey(key))\n}\n}\n\n\
         impl From<ApiKey> for i16 {\nfn from(key: ApiKey) -> Self {\nkey as Self\n}\n}\n\n\
         impl fmt::Display for ApiKey {\n\
         fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {\nf.write_str(self.name())\n}\n}\n\n\
         /// A key that this crate has no API for.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub struct UnknownApiKey(pub i16);\n\n\
         impl fmt::Display for UnknownApiKey {\n\
         fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {\n\
         write!(f, \"no API with key {} is known\", self.0)\n}\n}\n\n\
         impl core::error::Error for UnknownApiKey {}\n\n\
         #[cfg(test)]\nmod tests {\nuse super::*;\n\n#[test]\n\
         fn every_key_has_its_number() {\n\
         for (number, &key) in (0..).zip(ApiKey::ALL) {\n\
         assert_eq!(i16::from(key), number);\nassert_eq!(ApiKey::try_from(number), Ok(key));\n}\n\
         assert_eq!(ApiKey::try_from(-1), Err(UnknownApiKey(-1)));\n\
         assert_eq!(ApiKey::try_from(i16::MAX), Err(UnknownApiKey(i16::MAX)));\n}\n}\n",
    );
    out
}

/// `error_code/table.rs`.
pub(super) fn error_codes(rows: &[ErrorRow]) -> String {
    let mut out = header("error codes");
    out.push_str("\nuse super::{ErrorCode, Kind};\n\nimpl ErrorCode {\n");
    for row in rows {
        let _ = writeln!(
            out,
            "/// Code {}.\npub const {}: Self = Self({});",
            row.code, row.name, row.code
        );
    }
    out.push_str(
        "}\n\n/// Name and kind of every code, from -1 upward.\n\
         pub(super) const TABLE: &[(&str, Kind)] = &[\n",
    );
    for row in rows {
        let _ = writeln!(out, "(\"{}\", Kind::{}),", row.name, row.kind);
    }
    out.push_str("];\n");
    out
}

/// The first line of every generated file.
fn header(source: &str) -> String {
    format!(
        "//! @generated by `cargo xtask codegen` from the {source} of Apache Kafka {KAFKA_VERSION}.\n"
    )
}

fn spoken(api: &Api) -> String {
    if api.versions.is_none() {
        "removed in Kafka 4".to_owned()
    } else {
        format!("versions {}", api.versions)
    }
}
