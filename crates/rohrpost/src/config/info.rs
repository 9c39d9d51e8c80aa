//! The tables of properties, for tables and help texts.

use super::property::{Property, PropertyType, Setter, Target};
use super::{Dialect, java, librdkafka};

/// One name of a property: see [`properties`] and [`librdkafka_properties`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PropertyInfo {
    /// The dialect that it belongs to.
    pub dialect: Dialect,
    /// The name.
    pub name: &'static str,
    /// The name that this is an alias of.
    pub alias_of: Option<&'static str>,
    /// The type of its value.
    pub kind: PropertyType,
    /// Its default as text; empty where it has none.
    pub default: &'static str,
    /// What it takes, in words.
    pub accepted: String,
    /// What it means, in one line.
    pub about: &'static str,
    /// The KIPs that brought it, or what it means now.
    pub kips: &'static [u16],
    /// What means about the same in the other dialect.
    pub counterparts: Vec<&'static str>,
    /// The method of [`ProducerBuilder`](crate::ProducerBuilder) that sets it.
    pub method: Option<&'static str>,
    /// What is not as the other client has it, and why.
    pub differs: Option<&'static str>,
    /// Why it is not supported, or only some of its values; `None` if it is.
    pub unsupported: Option<&'static str>,
    /// No value of it is supported.
    pub is_refused: bool,
}

impl PropertyInfo {
    /// Whether its value is a secret, which no error and no log shows.
    pub fn is_secret(&self) -> bool {
        self.kind == PropertyType::Password
    }
}

/// Every property of Kafka's producer (Java's, version 4.4), by name, those included that this producer does not support.
///
/// ```
/// let linger = rohrpost::properties().find(|property| property.name == "linger.ms").unwrap();
/// assert_eq!(linger.default, "5");
/// assert_eq!(linger.counterparts, ["queue.buffering.max.ms"]);
/// ```
pub fn properties() -> impl Iterator<Item = PropertyInfo> {
    let counterparts = |property: &Property<_>| {
        let name = property.name();
        let same = librdkafka::all().filter(|other| other.counterparts.contains(&name));
        same.map(Property::name).collect()
    };
    by_name(java().flat_map(move |property| infos(property, counterparts(property))))
}

/// Every property of librdkafka's that a producer takes, and its consumer's, by name, those included that this producer does not support: what
/// [`ProducerConfig::from_librdkafka`](crate::ProducerConfig::from_librdkafka) reads.
pub fn librdkafka_properties() -> impl Iterator<Item = PropertyInfo> {
    by_name(librdkafka::all().flat_map(|property| infos(property, property.counterparts.to_vec())))
}

fn by_name(infos: impl Iterator<Item = PropertyInfo>) -> impl Iterator<Item = PropertyInfo> {
    let mut infos: Vec<PropertyInfo> = infos.collect();
    infos.sort_by_key(|info| info.name);
    infos.into_iter()
}

/// One for each name.
fn infos<C: Target>(
    property: &'static Property<C>,
    counterparts: Vec<&'static str>,
) -> impl Iterator<Item = PropertyInfo> {
    // Java's counterpart has the method.
    let method = property.method.or_else(|| {
        let java = java().find(|java| property.counterparts.contains(&java.name()))?;
        java.method
    });
    property.names.iter().copied().map(move |name| PropertyInfo {
        dialect: C::DIALECT,
        name,
        alias_of: Some(property.name()).filter(|first| *first != name),
        kind: property.kind,
        default: property.default,
        accepted: property.accepted(),
        about: property.about,
        kips: property.kips,
        counterparts: counterparts.clone(),
        method,
        differs: property.differs,
        unsupported: property.unsupported(),
        is_refused: matches!(property.setter, Setter::Refused(_)),
    })
}
