//! The definitions, resolved: each message with its structures, each structure with the fields that
//! it has in the versions in which it can be reached.

use std::collections::BTreeMap;

use super::Result;
use super::definition::{Definition, FieldDefinition, Kind, Versions};
use super::fields::{Default, Field, Type};

/// All of the protocol.
pub(super) struct Definitions {
    /// By name; without those of removed APIs.
    pub(super) messages: Vec<Message>,
    /// By key; with removed ones.
    pub(super) apis: Vec<Api>,
}

pub(super) struct Api {
    pub(super) key: i16,
    pub(super) name: String,
    /// None for a removed API.
    pub(super) versions: Versions,
}

pub(super) struct Message {
    pub(super) name: String,
    /// Its file, without the ending.
    pub(super) module: String,
    pub(super) kind: Kind,
    /// The name of the API that a request or response belongs to.
    pub(super) api: Option<String>,
    pub(super) versions: Versions,
    pub(super) unstable: Option<i16>,
    pub(super) flexible: Versions,
    /// The first is the message itself.
    pub(super) structs: Vec<Struct>,
}

pub(super) struct Struct {
    pub(super) name: String,
    /// The versions of the message in which the structure can stand.
    pub(super) reach: Versions,
    pub(super) fields: Vec<Field>,
    /// Whether a value is always equal to itself: it holds no floating-point number.
    pub(super) is_eq: bool,
}

impl Definitions {
    pub(super) fn resolve(definitions: Vec<Definition>) -> Result<Self> {
        let mut apis: BTreeMap<i16, Api> = BTreeMap::new();
        let mut unstable: BTreeMap<i16, bool> = BTreeMap::new();
        for request in definitions.iter().filter(|d| d.kind == Kind::Request) {
            let key = request.api_key.ok_or_else(|| format!("{} has no API key", request.name))?;
            let name = request.name.trim_end_matches("Request").to_owned();
            let versions = stable(request.valid_versions, request.latest_version_unstable);
            unstable.insert(key, request.latest_version_unstable);
            if apis.insert(key, Api { key, name, versions }).is_some() {
                return Err(format!("{}: API key {key} is taken", request.name));
            }
        }
        let mut messages = Vec::new();
        for definition in definitions {
            if definition.valid_versions.is_none() {
                continue;
            }
            let api = definition.api_key.and_then(|key| apis.get(&key));
            let is_unstable = definition.api_key.is_some_and(|key| unstable[&key]);
            let name = definition.name.clone();
            let message = resolve_message(definition, api, is_unstable);
            messages.push(message.map_err(|e| format!("{name}: {e}"))?);
        }
        messages.sort_by(|a, b| a.module.cmp(&b.module));
        Ok(Self { messages, apis: apis.into_values().collect() })
    }
}

fn stable(valid: Versions, latest_is_unstable: bool) -> Versions {
    if latest_is_unstable { Versions { min: valid.min, max: valid.max - 1 } } else { valid }
}

fn resolve_message(
    definition: Definition,
    api: Option<&Api>,
    is_unstable: bool,
) -> Result<Message> {
    let spoken = definition.valid_versions;
    let flexible = definition.flexible_versions.unwrap_or(Versions::NONE).intersect(spoken);
    let mut structs = Structs::default();
    for common in definition.common_structs {
        structs.by_name.insert(common.name, common.fields);
    }
    structs.visit(&definition.name, &definition.fields, spoken)?;
    structs.by_name.insert(definition.name.clone(), definition.fields);
    let mut structs = structs.resolve(flexible)?;
    if definition.kind == Kind::Request {
        let fields = structs.iter_mut().flat_map(|of| &mut of.fields);
        fields.filter(|of| of.ty == Type::Records).for_each(|of| of.ty = Type::RecordsInPieces);
    }
    Ok(Message {
        module: snake_case(&definition.name),
        kind: definition.kind,
        api: api.map(|api| api.name.clone()),
        versions: stable(spoken, is_unstable),
        unstable: is_unstable.then_some(spoken.max),
        flexible,
        structs,
        name: definition.name,
    })
}

/// The structures of one message while they are collected.
#[derive(Default)]
struct Structs {
    by_name: BTreeMap<String, Vec<FieldDefinition>>,
    /// In the order of their first appearance.
    order: Vec<String>,
    reach: BTreeMap<String, Versions>,
}

impl Structs {
    /// Notes that the structure `name` can stand in the versions of `span`, and so for what is in it.
    fn visit(&mut self, name: &str, fields: &[FieldDefinition], span: Versions) -> Result {
        if !self.reach.contains_key(name) {
            self.order.push(name.to_owned());
        }
        let reach = self.reach.entry(name.to_owned()).or_insert(Versions::NONE);
        *reach = reach.hull(span);
        for field in fields {
            let span = span.intersect(field.versions);
            let Some(inner) = struct_name(&field.field_type) else { continue };
            if span.is_none() {
                continue;
            }
            let inner_fields = if field.fields.is_empty() {
                self.by_name.get(inner).ok_or_else(|| format!("no structure {inner}"))?.clone()
            } else {
                field.fields.clone()
            };
            self.visit(inner, &inner_fields, span)?;
            self.by_name.insert(inner.to_owned(), inner_fields);
        }
        Ok(())
    }

    fn resolve(mut self, flexible: Versions) -> Result<Vec<Struct>> {
        let mut resolved: Vec<Struct> = Vec::new();
        for name in &self.order {
            let definitions = self.by_name.remove(name).ok_or_else(|| format!("{name} twice"))?;
            let reach = self.reach[name];
            let mut fields = Vec::new();
            for definition in definitions {
                if !definition.versions.intersect(reach).is_none() {
                    let place = format!("{name}.{}", definition.name);
                    let field = resolve_field(definition, reach, flexible);
                    fields.push(field.map_err(|e| format!("{place}: {e}"))?);
                }
            }
            let is_uniform =
                |field: &Field| field.versions == reach && field.nullable_in_all_or_none();
            if fields.iter().any(|field| field.name == "version") && !fields.iter().all(is_uniform)
            {
                return Err(format!("{name}: a field named version hides the message's"));
            }
            resolved.push(Struct { name: name.clone(), reach, fields, is_eq: true });
        }
        for index in (0..resolved.len()).rev() {
            let holds_float = |field: &Field| match field.ty.innermost() {
                Type::Float64 => true,
                Type::Struct(name) => resolved.iter().any(|s| s.name == *name && !s.is_eq),
                _ => false,
            };
            resolved[index].is_eq = !resolved[index].fields.iter().any(holds_float);
        }
        for structure in &resolved {
            refuse_empty_elements(structure, &resolved, flexible)?;
        }
        Ok(resolved)
    }
}

/// The decoder bounds counts by the bytes that are left: an element without a byte would break that.
fn refuse_empty_elements(structure: &Struct, all: &[Struct], flexible: Versions) -> Result {
    for field in &structure.fields {
        let Type::Array(element) = &field.ty else { continue };
        let Type::Struct(name) = element.as_ref() else { continue };
        let element = all.iter().find(|s| s.name == *name).ok_or(format!("no structure {name}"))?;
        for version in field.versions.min..=field.versions.max {
            let in_version =
                |field: &Field| field.tag.is_none() && field.versions.contains(version);
            if !flexible.contains(version) && !element.fields.iter().any(in_version) {
                return Err(format!("an element of {} is empty in version {version}", field.name));
            }
        }
    }
    Ok(())
}

fn resolve_field(
    definition: FieldDefinition,
    reach: Versions,
    flexible: Versions,
) -> Result<Field> {
    let versions = definition.versions.intersect(reach);
    if definition.tag.is_some() {
        let tagged = definition.tagged_versions.unwrap_or(Versions::NONE);
        if tagged != definition.versions || !flexible.covers(versions) {
            return Err("a tagged field must be tagged, and flexible, wherever it is".to_owned());
        }
    }
    let ty = Type::parse(&definition.field_type, &definition.name)?;
    let nullable = definition.nullable_versions.unwrap_or(Versions::NONE).intersect(versions);
    let default = Default::parse(definition.default.as_ref(), &ty, !nullable.is_none())?;
    let inflexible = definition.flexible_versions.is_some();
    if inflexible && (ty != Type::String || nullable != versions) {
        return Err("only nullable strings can be inflexible".to_owned());
    }
    Ok(Field {
        name: identifier(&definition.name),
        json: lower_first(&definition.name),
        ty,
        versions,
        nullable,
        tag: definition.tag,
        inflexible,
        ignorable: definition.ignorable,
        default,
        entity: definition.entity_type,
        is_key: definition.map_key,
    })
}

/// The structure that a type names, alone or as the element of an array.
fn struct_name(field_type: &str) -> Option<&str> {
    let name = field_type.trim_start_matches("[]");
    name.starts_with(|c: char| c.is_ascii_uppercase()).then_some(name)
}

/// `LeaderAndIsr` to `leader_and_isr`; KRaft is one word, as is 2PC (two-phase commit).
pub(crate) fn snake_case(name: &str) -> String {
    let name = name.replace("KRaft", "Kraft").replace("2Pc", "_2pc");
    let mut out = String::new();
    let mut before_is_lower = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && before_is_lower {
            out.push('_');
        }
        before_is_lower = !character.is_ascii_uppercase();
        out.push(character.to_ascii_lowercase());
    }
    out
}

/// `TopicId` to `topicId`.
fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// A field's name in Rust: `type` and `match` are keywords.
fn identifier(name: &str) -> String {
    match snake_case(name).as_str() {
        "type" => "r#type".to_owned(),
        "match" => "r#match".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition;
    use super::*;

    #[test]
    fn names_become_rusts() {
        for (name, expected) in [
            ("LeaderAndIsr", "leader_and_isr"),
            ("KRaftVersionFeature", "kraft_version_feature"),
            ("V3AndBelowTopics", "v3_and_below_topics"),
            ("Enable2Pc", "enable_2pc"),
            ("Type", "r#type"),
        ] {
            assert_eq!(identifier(name), expected);
        }
    }

    #[test]
    fn structures_reach_as_far_as_the_fields_that_hold_them() {
        let text = r#"{ "apiKey": 1, "type": "request", "name": "XRequest", "validVersions": "2-9",
            "flexibleVersions": "4+", "latestVersionUnstable": true,
            "commonStructs": [ { "name": "C", "versions": "0+", "fields": [
                { "name": "Old", "type": "int8", "versions": "0-2" },
                { "name": "A", "type": "int8", "versions": "0+" } ] } ],
            "fields": [
                { "name": "Gone", "type": "int8", "versions": "0-1" },
                { "name": "One", "type": "C", "versions": "3-5" },
                { "name": "Many", "type": "[]C", "versions": "7+" } ] }"#;
        let definitions = Definitions::resolve(vec![definition::parse(text).unwrap()]).unwrap();
        let message = &definitions.messages[0];
        assert_eq!(message.versions, Versions { min: 2, max: 8 });
        assert_eq!(message.unstable, Some(9));
        assert_eq!(message.flexible, Versions { min: 4, max: 9 });
        let [request, common] = message.structs.as_slice() else { panic!("two structures") };
        assert_eq!(common.reach, Versions { min: 3, max: 9 });
        let names = |s: &Struct| s.fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(request), ["one", "many"]);
        assert_eq!(names(common), ["a"]);
    }

    #[test]
    fn an_array_of_nothing_is_refused() {
        let text = r#"{ "apiKey": 1, "type": "request", "name": "XRequest", "validVersions": "0-1",
            "flexibleVersions": "none", "fields": [ { "name": "Many", "type": "[]E", "versions": "0+",
                "fields": [ { "name": "A", "type": "int8", "versions": "1+" } ] } ] }"#;
        assert!(Definitions::resolve(vec![definition::parse(text).unwrap()]).is_err());
    }
}
