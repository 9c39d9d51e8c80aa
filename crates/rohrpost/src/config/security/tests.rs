//! What was said in vain is known by its name.

use super::super::info::{librdkafka_properties, properties};
use super::*;

/// Values, one of which is not a property's default.
const VALUES: &[&str] = &[
    "true",
    "0.7",
    "0.1",
    "77",
    "oidc",
    "ES256",
    "SCRAM-SHA-512",
    "a.PlainLoginModule required username=a password=b;",
    "OAuthBearerUnsecuredLoginCallbackHandler",
    "JwtBearerJwtRetriever",
    "OAuthBearerSaslClientCallbackHandler",
    "OAuthBearerRefreshingLogin",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "principal=alice",
    "words",
];

/// What a configuration by this property alone would call set, of the values that change anything.
fn called(of: impl Fn(&str) -> Option<ProducerConfig>) -> Vec<Option<&'static str>> {
    let of_default = |config: &ProducerConfig| config.security.sasl == SaslKeys::default();
    let configs = VALUES.iter().filter_map(|value| of(value));
    let configs = configs.filter(|config| !of_default(config));
    configs.map(|config| config.security.sasl.first_said(config.dialect)).collect()
}

#[test]
fn every_property_of_sasl_that_is_set_is_known_by_its_name() {
    let is_sasl = |name: &str| name.contains("sasl.") || name.starts_with("https.");
    let mut known = 0;
    for info in properties().filter(|info| is_sasl(info.name) && info.alias_of.is_none()) {
        let called = called(|value| {
            let mut config = ProducerConfig::new();
            config.set(info.name, value).is_ok().then_some(config)
        });
        known += usize::from(!called.is_empty());
        assert!(called.iter().all(|name| *name == Some(info.name)), "{}: {called:?}", info.name);
    }
    for info in librdkafka_properties().filter(|info| is_sasl(info.name) && info.alias_of.is_none())
    {
        let called = called(|value| {
            let pairs = [("bootstrap.servers", "b:1"), (info.name, value)];
            ProducerConfig::from_librdkafka(pairs).ok()
        });
        known += usize::from(!called.is_empty());
        assert!(called.iter().all(|name| *name == Some(info.name)), "{}: {called:?}", info.name);
    }
    let least = if cfg!(all(feature = "oauth", feature = "gssapi")) { 50 } else { 5 };
    assert!(known >= least, "{known} properties were changed by any value");
    assert_eq!(SaslKeys::default().first_said(Dialect::Java), None);
}
