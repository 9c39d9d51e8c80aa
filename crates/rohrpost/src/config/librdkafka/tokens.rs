//! librdkafka's `sasl.oauthbearer.*` and `https.*`.

use std::time::Duration;

use super::super::property::PropertyType::{self, Boolean, Int, Password, String};
use super::super::property::{Property, Setter};
use super::super::reasons;
use super::super::security::oauth::{self, LoginHandler, Retriever};
use super::super::security::{StoreKind, features, some};
use super::Draft;

const fn row(
    names: &'static [&'static str],
    kind: PropertyType,
    default: &'static str,
    setter: Setter<Draft>,
    about: &'static str,
) -> Property<Draft> {
    Property::new(names, kind, default, features::oauth(setter), about).method("sasl")
}

const fn seconds(max: i64, set: fn(&mut Draft, i64)) -> Setter<Draft> {
    Setter::Number { min: 0, max, set }
}

/// As for the brokers' certificates.
const fn tls(setter: Setter<Draft>) -> Setter<Draft> {
    features::tls(setter)
}

const fn of(number: i64) -> Duration {
    Duration::from_secs(number.unsigned_abs())
}

/// By position in the table's row.
const GRANTS: [Retriever; 2] = [Retriever::Default, Retriever::JwtBearer];

#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property<Draft>] = &[
    row(&["sasl.oauthbearer.method"], String, "default", Setter::Named { of: &[&["default"], &["oidc"]], any_case: true, otherwise: None, set: |d, v| d.config.security.sasl.oauth.is_oidc = v == 1 },
        "How to get tokens: from an authorization server (oidc), or as the program says (default)")
        .differs("what a call-back does there, ProducerBuilder::sasl does here"),
    row(&["sasl.oauthbearer.config"], Password, "", Setter::Secret(|d, v| d.config.security.sasl.oauth.unsecured = Some(v)),
        "What tokens without a signature are made of"),
    row(&["enable.sasl.oauthbearer.unsecure.jwt"], Boolean, "false", Setter::Flag(|d, v| d.config.security.sasl.login_handler = v.then_some(LoginHandler::Unsecured)),
        "Make tokens without a signature, for development"),
    row(&["sasl.oauthbearer.client.id", "sasl.oauthbearer.client.credentials.client.id"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.client_id = some(v)),
        "Who asks an authorization server for a token").java(&["sasl.oauthbearer.client.credentials.client.id"]),
    row(&["sasl.oauthbearer.client.secret", "sasl.oauthbearer.client.credentials.client.secret"], Password, "", Setter::Secret(|d, v| d.config.security.sasl.oauth.client_secret = Some(v)),
        "What proves that to the authorization server").java(&["sasl.oauthbearer.client.credentials.client.secret"]),
    row(&["sasl.oauthbearer.scope"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.scope = some(v)),
        "What a token is to allow").java(&["sasl.oauthbearer.scope"]),
    row(&["sasl.oauthbearer.extensions"], Password, "", Setter::Secret(|d, v| d.config.security.sasl.oauth.extensions = Some(v)),
        "What brokers are told beside the token: name=value, separated by commas"),
    row(&["sasl.oauthbearer.token.endpoint.url"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.endpoint = some(v)),
        "Where tokens are to be had").java(&["sasl.oauthbearer.token.endpoint.url"]).differs("https, http or file"),
    row(&["sasl.oauthbearer.sub.claim.name"], String, "sub", Setter::Parsed { accepted: "the name of a claim", set: |d, v| oauth::claim(v).map(|name| d.config.security.sasl.oauth.subject_claim = name) },
        "The claim of a token that says whose it is").java(&["sasl.oauthbearer.sub.claim.name"]),
    row(&["sasl.oauthbearer.grant.type"], String, "client_credentials", Setter::Named { of: &[&["client_credentials"], &["urn:ietf:params:oauth:grant-type:jwt-bearer"]], any_case: true, otherwise: None, set: |d, v| d.config.security.sasl.oauth.retriever = GRANTS[v] },
        "How an authorization server is asked").java(&["sasl.oauthbearer.jwt.retriever.class"]),
    row(&["sasl.oauthbearer.assertion.algorithm"], String, "RS256", Setter::Parsed { accepted: "RS256, ES256", set: |d, v| oauth::algorithm(v).map(|es256| d.config.security.sasl.oauth.assertion.is_es256 = es256) },
        "How an assertion is signed").java(&["sasl.oauthbearer.assertion.algorithm"]),
    row(&["sasl.oauthbearer.assertion.private.key.file"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.assertion.key_file = some(v)),
        "A file of PEM with the key that signs assertions").java(&["sasl.oauthbearer.assertion.private.key.file"]),
    row(&["sasl.oauthbearer.assertion.private.key.passphrase"], Password, "", Setter::Secret(|d, v| d.config.security.sasl.oauth.assertion.passphrase = Some(v)),
        "What decrypts the key that signs assertions").java(&["sasl.oauthbearer.assertion.private.key.passphrase"]),
    row(&["sasl.oauthbearer.assertion.private.key.pem"], Password, "", Setter::Secret(|d, v| d.config.security.sasl.oauth.assertion.key_pem = Some(v)),
        "The key that signs assertions, as PEM"),
    row(&["sasl.oauthbearer.assertion.file"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.assertion.file = some(v)),
        "A file with an assertion").java(&["sasl.oauthbearer.assertion.file"]),
    row(&["sasl.oauthbearer.assertion.claim.aud"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.assertion.audience = some(v)),
        "For whom an assertion is").java(&["sasl.oauthbearer.assertion.claim.aud"]),
    row(&["sasl.oauthbearer.assertion.claim.exp.seconds"], Int, "300", seconds(86_400, |d, v| d.config.security.sasl.oauth.assertion.lifetime = of(v)),
        "Seconds that an assertion is valid").java(&["sasl.oauthbearer.assertion.claim.exp.seconds"]),
    row(&["sasl.oauthbearer.assertion.claim.iss"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.assertion.issuer = some(v)),
        "Who made an assertion").java(&["sasl.oauthbearer.assertion.claim.iss"]),
    row(&["sasl.oauthbearer.assertion.claim.jti.include"], Boolean, "false", Setter::Flag(|d, v| d.config.security.sasl.oauth.assertion.has_id = v),
        "Number each assertion").java(&["sasl.oauthbearer.assertion.claim.jti.include"]),
    row(&["sasl.oauthbearer.assertion.claim.nbf.seconds"], Int, "60", seconds(3_600, |d, v| d.config.security.sasl.oauth.assertion.not_before = of(v)),
        "Seconds by which an assertion is valid before it was made").java(&["sasl.oauthbearer.assertion.claim.nbf.seconds"]),
    row(&["sasl.oauthbearer.assertion.claim.sub"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.assertion.subject = some(v)),
        "About whom an assertion is").java(&["sasl.oauthbearer.assertion.claim.sub"]),
    row(&["sasl.oauthbearer.assertion.jwt.template.file"], String, "", Setter::Text(|d, v| d.config.security.sasl.oauth.assertion.template = some(v)),
        "A file of JSON with an assertion's fixed part").java(&["sasl.oauthbearer.assertion.template.file"]),
    Property::new(&["sasl.oauthbearer.metadata.authentication.type"], String, "none", Setter::Only { values: &["none"], any_case: true, reason: reasons::AZURE },
        "The cloud whose tokens to use"),
    row(&["https.ca.location"], String, "", tls(Setter::Text(|d, v| {
            d.config.security.sasl.oauth.https.truststore.kind = StoreKind::Pem;
            d.config.security.sasl.oauth.https.truststore.location = some(v).filter(|path| path != "probe");
        })),
        "The file of PEM with the certificates to trust at the authorization server").differs("a file, not a folder; not set, or probe: what the system trusts"),
    row(&["https.ca.pem"], Password, "", tls(Setter::Secret(|d, v| {
            d.config.security.sasl.oauth.https.truststore.kind = StoreKind::Pem;
            d.config.security.sasl.oauth.https.truststore.certificates = Some(v);
        })),
        "The certificates to trust at the authorization server, as PEM"),
];
