//! Java's `sasl.oauthbearer.*` and `sasl.login.*`.

use std::time::Duration;

use super::super::ProducerConfig;
use super::super::property::PropertyType::{
    self, Boolean, Class, Double, Int, Long, Password, Short, String,
};
use super::super::property::{Property, Setter};
use super::{features, oauth, some};

const fn row(
    name: &'static [&'static str; 1],
    kind: PropertyType,
    default: &'static str,
    setter: Setter<ProducerConfig>,
    about: &'static str,
) -> Property<ProducerConfig> {
    Property::new(name, kind, default, features::oauth(setter), about).method("sasl")
}

const fn text(set: fn(&mut ProducerConfig, std::string::String)) -> Setter<ProducerConfig> {
    Setter::Text(set)
}

const fn seconds(max: i64, set: fn(&mut ProducerConfig, i64)) -> Setter<ProducerConfig> {
    Setter::Number { min: 0, max, set }
}

const fn millis(max: i64, set: fn(&mut ProducerConfig, Duration)) -> Setter<ProducerConfig> {
    Setter::Millis { min: 0, max, set }
}

const fn of(number: i64) -> Duration {
    Duration::from_secs(number.unsigned_abs())
}

const INT_MAX: i64 = i32::MAX as i64;
const CLIENT: &str = "comes before the option of the login module, as in Java";

#[rustfmt::skip]
pub(in crate::config) static PROPERTIES: &[Property<ProducerConfig>] = &[
    row(&["sasl.login.connect.timeout.ms"], Int, "", millis(INT_MAX, |c, v| c.security.sasl.oauth.login.connect_timeout = Some(v)),
        "How long connecting to an authorization server may take").kip(&[768]).differs("10,000 where it is not set, rather than no limit; 0 is none, as in Java; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.login.read.timeout.ms"], Int, "", millis(INT_MAX, |c, v| c.security.sasl.oauth.login.read_timeout = Some(v)),
        "How long an authorization server's answer may take").kip(&[768]).differs("for the whole answer, and 30,000 where it is not set, rather than no limit; 0 is none, as in Java; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.login.refresh.buffer.seconds"], Short, "300", seconds(3_600, |c, v| c.security.sasl.oauth.login.buffer = of(v)),
        "Seconds before its end at which a token is renewed, at the latest").kip(&[255]),
    row(&["sasl.login.refresh.min.period.seconds"], Short, "60", seconds(900, |c, v| c.security.sasl.oauth.login.min_period = of(v)),
        "Seconds between two renewals of a token, at least").kip(&[255]),
    row(&["sasl.login.refresh.window.factor"], Double, "0.8", Setter::Parsed { accepted: "a number from 0.5 to 1", set: |c, v| oauth::fraction(v, 0.5, 1.0).map(|factor| c.security.sasl.oauth.login.window_factor = factor) },
        "After how much of its life a token is renewed").kip(&[255]),
    row(&["sasl.login.refresh.window.jitter"], Double, "0.05", Setter::Parsed { accepted: "a number from 0 to 0.25", set: |c, v| oauth::fraction(v, 0.0, 0.25).map(|jitter| c.security.sasl.oauth.login.window_jitter = jitter) },
        "How much chance is in the time of a token's renewal").kip(&[255]),
    row(&["sasl.login.retry.backoff.max.ms"], Long, "10000", millis(i64::MAX, |c, v| c.security.sasl.oauth.login.retry_backoff_max = v),
        "How long attempts to get a token are repeated before they count as failed").kip(&[768]).differs("a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.login.retry.backoff.ms"], Long, "100", millis(i64::MAX, |c, v| c.security.sasl.oauth.login.retry_backoff = v),
        "The first pause between attempts to get a token; each further one is twice as long").kip(&[768]).differs("a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.oauthbearer.assertion.algorithm"], String, "RS256", Setter::Parsed { accepted: "RS256, ES256", set: |c, v| oauth::algorithm(v).map(|es256| c.security.sasl.oauth.assertion.is_es256 = es256) },
        "How an assertion is signed").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.aud"], String, "", text(|c, v| c.security.sasl.oauth.assertion.audience = some(v)),
        "For whom an assertion is").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.exp.seconds"], Int, "300", seconds(86_400, |c, v| c.security.sasl.oauth.assertion.lifetime = of(v)),
        "Seconds that an assertion is valid").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.iss"], String, "", text(|c, v| c.security.sasl.oauth.assertion.issuer = some(v)),
        "Who made an assertion; with ClientCredentialsJwtRetriever, that there is one in place of a secret").kip(&[1139, 1258]),
    row(&["sasl.oauthbearer.assertion.claim.jti.include"], Boolean, "false", Setter::Flag(|c, v| c.security.sasl.oauth.assertion.has_id = v),
        "Number each assertion").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.nbf.seconds"], Int, "60", seconds(3_600, |c, v| c.security.sasl.oauth.assertion.not_before = of(v)),
        "Seconds by which an assertion is valid before it was made").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.sub"], String, "", text(|c, v| c.security.sasl.oauth.assertion.subject = some(v)),
        "About whom an assertion is").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.file"], String, "", text(|c, v| c.security.sasl.oauth.assertion.file = some(v)),
        "A file with an assertion, read anew for each token").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.private.key.file"], String, "", text(|c, v| c.security.sasl.oauth.assertion.key_file = some(v)),
        "A file of PEM with the key that signs assertions, read anew for each token").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.private.key.passphrase"], Password, "", Setter::Secret(|c, v| c.security.sasl.oauth.assertion.passphrase = Some(v)),
        "What decrypts the key that signs assertions").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.template.file"], String, "", text(|c, v| c.security.sasl.oauth.assertion.template = some(v)),
        "A file of JSON with an assertion's fixed part").kip(&[1139]),
    row(&["sasl.oauthbearer.client.credentials.client.id"], String, "", text(|c, v| c.security.sasl.oauth.client_id = some(v)),
        "Who asks an authorization server for a token").kip(&[1139]).differs(CLIENT),
    row(&["sasl.oauthbearer.client.credentials.client.secret"], Password, "", Setter::Secret(|c, v| c.security.sasl.oauth.client_secret = Some(v)),
        "What proves that to the authorization server").kip(&[1139]).differs(CLIENT),
    row(&["sasl.oauthbearer.header.urlencode"], Boolean, "false", Setter::Flag(|c, v| c.security.sasl.oauth.urlencodes = v),
        "Encode id and secret for URLs, as RFC 6749 says").kip(&[1025]),
    row(&["sasl.oauthbearer.jwt.retriever.class"], Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Setter::Parsed { accepted: "one of Java's retrievers", set: |c, v| oauth::retriever(v).map(|retriever| c.security.sasl.oauth.retriever = retriever) },
        "What gets tokens: DefaultJwtRetriever, ClientCredentialsJwtRetriever, JwtBearerJwtRetriever or FileJwtRetriever, with the package or without").kip(&[1139]).differs("a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.oauthbearer.jwt.validator.class"], Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Setter::Parsed { accepted: "DefaultJwtValidator, ClientJwtValidator", set: |_, v| oauth::validator(v) },
        "What looks at tokens before they are sent").kip(&[1139]).differs("opaque tokens are sent, too; BrokerJwtValidator is refused: verifying tokens is the brokers' matter; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.oauthbearer.scope"], String, "", text(|c, v| c.security.sasl.oauth.scope = some(v)),
        "What a token is to allow").kip(&[1139]).differs(CLIENT),
    row(&["sasl.oauthbearer.scope.claim.name"], String, "scope", Setter::Parsed { accepted: "the name of a claim", set: |c, v| oauth::claim(v).map(|name| c.security.sasl.oauth.scope_claim = name) },
        "The claim of a token that says what it allows").kip(&[768]).differs("a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.oauthbearer.sub.claim.name"], String, "sub", Setter::Parsed { accepted: "the name of a claim", set: |c, v| oauth::claim(v).map(|name| c.security.sasl.oauth.subject_claim = name) },
        "The claim of a token that says whose it is").kip(&[768]).differs("a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.oauthbearer.token.endpoint.url"], String, "", text(|c, v| c.security.sasl.oauth.endpoint = some(v)),
        "Where tokens are to be had: an authorization server (https, http) or a file with a token (file)").kip(&[768]).differs("no system property has to allow it"),
];
