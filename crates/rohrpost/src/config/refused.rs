//! Java's properties that this producer has nothing for.

use super::ProducerConfig;
use super::property::PropertyType::{self, Boolean, Int, List, Long, String};
use super::property::{Property, Setter};
use super::reasons::{JVM, METRICS, VALIDATOR};

const fn row(
    name: &'static [&'static str; 1],
    kind: PropertyType,
    default: &'static str,
    reason: &'static str,
    about: &'static str,
) -> Property<ProducerConfig> {
    Property::new(name, kind, default, Setter::Refused(reason), about)
}

#[rustfmt::skip]
pub(crate) static PROPERTIES: &[Property<ProducerConfig>] = &[
    row(&["metrics.num.samples"], Int, "2", METRICS, "Samples that Java keeps of each metric"),
    row(&["metrics.recording.level"], String, "INFO", METRICS, "Which metrics Java keeps").kip(&[105]),
    row(&["metrics.sample.window.ms"], Long, "30000", METRICS, "How long Java samples a metric"),
    row(&["sasl.oauthbearer.allow.unverified.audience"], Boolean, "false", VALIDATOR, "Take tokens whose audience is not checked"),
    row(&["sasl.oauthbearer.allow.unverified.issuer"], Boolean, "false", VALIDATOR, "Take tokens whose issuer is not checked"),
    row(&["sasl.oauthbearer.clock.skew.seconds"], Int, "30", VALIDATOR, "Seconds by which clocks may differ when tokens are checked").kip(&[768]),
    row(&["sasl.oauthbearer.expected.audience"], List, "", VALIDATOR, "For whom tokens must be").kip(&[768]),
    row(&["sasl.oauthbearer.expected.issuer"], String, "", VALIDATOR, "Who must have made tokens").kip(&[768]),
    row(&["sasl.oauthbearer.jwks.endpoint.refresh.ms"], Long, "3600000", VALIDATOR, "How old an identity provider's keys may become").kip(&[768]),
    row(&["sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms"], Long, "10000", VALIDATOR, "The longest pause between attempts to get those keys").kip(&[768]),
    row(&["sasl.oauthbearer.jwks.endpoint.retry.backoff.ms"], Long, "100", VALIDATOR, "The first pause between attempts to get those keys").kip(&[768]),
    row(&["sasl.oauthbearer.jwks.endpoint.url"], String, "", VALIDATOR, "Where an identity provider's keys are").kip(&[768]),
    row(&["security.providers"], String, "", JVM, "Classes that provide security algorithms").kip(&[492]),
];
