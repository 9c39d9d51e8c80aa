use super::*;
use crate::RegistryError;
use crate::properties::names_of;

fn builder(properties: &[(&'static str, &str)]) -> Result<RegistryBuilder, SettingError> {
    apply(RegistryBuilder::default(), properties.iter().copied())
}

fn refusal(properties: &[(&'static str, &str)]) -> String {
    match builder(properties) {
        Err(error) => error.to_string(),
        Ok(builder) => match builder.build() {
            Err(RegistryError::Setting(error)) => error.to_string(),
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn every_property_of_the_client_in_the_table_does_something() {
    for name in names_of(Owner::Client) {
        let mut changed = builder(&[]).unwrap();
        let mut given = Given::default();
        // What is not understood is said to be; what is not a value of it, too.
        if let Err(error) = set(&mut changed, &mut given, name, "1") {
            assert!(!matches!(error, SettingError::UnknownProperty { .. }), "{name}");
        }
    }
}

#[test]
fn who_one_is_comes_from_basic_or_bearer_properties_and_never_from_both() {
    let identity = |properties: &[(&'static str, &str)]| {
        format!("{:?}", builder(properties).unwrap().identity)
    };
    let source = ("basic.auth.credentials.source", "USER_INFO");
    let user_info = ("basic.auth.user.info", "me:secret");
    assert_eq!(identity(&[]), "Url");
    assert_eq!(identity(&[("basic.auth.credentials.source", "URL")]), "Url");
    assert_eq!(identity(&[source, user_info]), "Basic([hidden])");
    assert_eq!(identity(&[("bearer.auth.token", "t")]), "Token([hidden])");
    let oauth = ("bearer.auth.credentials.source", "OAUTHBEARER");
    let endpoint = ("bearer.auth.issuer.endpoint.url", "http://idp/token");
    let id = ("bearer.auth.client.id", "me");
    let secret = ("bearer.auth.client.secret", "hush");
    let shown = identity(&[oauth, endpoint, id, secret]);
    assert!(shown.contains("http://idp/token") && !shown.contains("hush"), "{shown}");
    for (properties, reason) in [
        (&[user_info][..], "USER_INFO"),
        (&[source], "wants basic.auth.user.info"),
        (&[("basic.auth.credentials.source", "SASL_INHERIT")], "USER_INFO"),
        (&[source, user_info, ("bearer.auth.token", "t")], "both"),
        (&[endpoint, id, secret], "OAUTHBEARER"),
        (&[oauth, ("bearer.auth.token", "t")], "no effect"),
        (&[("bearer.auth.credentials.source", "CUSTOM")], "bearer"),
    ] {
        let error = refusal(properties);
        assert!(error.contains(reason), "{error}");
    }
    let url = ("schema.registry.url", "http://sr");
    assert!(refusal(&[url, oauth, id, secret]).contains("issuer.endpoint.url"));
    assert!(refusal(&[url, oauth, endpoint, id]).contains("secret"));
    assert!(
        refusal(&[url, oauth, ("bearer.auth.issuer.endpoint.url", "idp"), id, secret])
            .contains("endpoint")
    );
}

#[test]
fn urls_are_several_and_each_is_looked_at() {
    let built = builder(&[("schema.registry.url", "http://a:1, http://me:pw@b:2/x ,")]).unwrap();
    let shown = format!("{:?}", built.build().unwrap());
    assert!(shown.contains("http://a:1, http://b:2/x") && !shown.contains("pw"), "{shown}");
    assert!(refusal(&[]).contains("schema.registry.url"));
    let error = refusal(&[("schema.registry.url", "http://a,me:pw@b")]);
    assert!(error.contains("number 2") && !error.contains("pw"), "{error}");
}

#[test]
fn tls_is_by_kafkas_names_with_the_prefix() {
    let ssl = |name: &'static str, value: &'static str| (name, value);
    let url = ssl("schema.registry.url", "https://sr");
    for (properties, reason) in [
        (&[url, ssl("schema.registry.ssl.truststore.location", "nowhere.jks")][..], "nowhere.jks"),
        (&[ssl("schema.registry.ssl.truststore.type", "BKS")], "BKS"),
        (&[ssl("schema.registry.ssl.truststore.password", "x")], "no effect"),
        (&[ssl("schema.registry.ssl.keystore.key", "x")], "go together"),
        (&[ssl("schema.registry.ssl.enabled.protocols", "TLSv1")], "TLSv1"),
        (&[ssl("schema.registry.ssl.endpoint.identification.algorithm", "ldaps")], "ldaps"),
    ] {
        let error = refusal(properties);
        assert!(error.contains(reason), "{error}");
    }
    // Where nobody has to be trusted, nothing is read.
    let plain = [
        ("schema.registry.url", "http://sr"),
        ("schema.registry.ssl.truststore.location", "nowhere.jks"),
    ];
    builder(&plain).unwrap().build().unwrap();
}

/// The settings that properties with the prefix make.
fn tls(properties: &[(&'static str, &str)]) -> TlsSettings {
    let named = properties.iter().map(|(name, value)| {
        let name = format!("schema.registry.ssl.{name}");
        (name, *value)
    });
    match apply(RegistryBuilder::default(), named).unwrap().tls {
        Tls::Settings(settings) => *settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn keystores_are_opened_with_their_passwords() {
    let stores = concat!(env!("CARGO_MANIFEST_DIR"), "/../tls/tests/stores/");
    let (keystore, ca) = (format!("{stores}keytool-key-password.jks"), format!("{stores}ca.pem"));
    let outcome = |password: &str, key_password: &str, kind: &str| {
        let settings = tls(&[
            ("truststore.location", &ca),
            ("truststore.type", "PEM"),
            ("keystore.location", &keystore),
            ("keystore.type", kind),
            ("keystore.password", password),
            ("key.password", key_password),
        ]);
        settings.build().map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(outcome("changeit", "another Schlüssel", "JKS"), Ok(()));
    for (password, key_password, kind, reason) in [
        ("wrong", "another Schlüssel", "JKS", "password"),
        ("changeit", "wrong", "JKS", "password"),
        ("changeit", "another Schlüssel", "PEM", "PEM"),
    ] {
        let error = outcome(password, key_password, kind).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn protocols_suites_and_whose_name_is_looked_at_reach_the_settings() {
    let shown = |name: &'static str, value: &str| format!("{:?}", tls(&[(name, value)]));
    let plain = format!("{:?}", TlsSettings::new());
    for (name, value, settings) in [
        ("enabled.protocols", "TLSv1.3", TlsSettings::new().versions(vec![TlsVersion::Tls13])),
        (
            "cipher.suites",
            "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384",
            TlsSettings::new().cipher_suites(vec![
                "TLS_AES_128_GCM_SHA256".parse().unwrap(),
                "TLS_AES_256_GCM_SHA384".parse().unwrap(),
            ]),
        ),
        ("endpoint.identification.algorithm", "", TlsSettings::new().verify_host(false)),
    ] {
        assert_eq!(shown(name, value), format!("{settings:?}"), "{name}");
        assert_ne!(shown(name, value), plain, "{name}");
    }
    assert_eq!(shown("endpoint.identification.algorithm", "HTTPS"), plain);
}

#[test]
fn what_tokens_say_and_when_they_are_fetched_anew_is_taken() {
    let built = builder(&[
        ("bearer.auth.credentials.source", "OAUTHBEARER"),
        ("bearer.auth.issuer.endpoint.url", "http://idp/token"),
        ("bearer.auth.client.id", "me"),
        ("bearer.auth.client.secret", "hush"),
        ("bearer.auth.scope", "schemas"),
        ("bearer.auth.scope.claim.name", "scp"),
        ("bearer.auth.sub.claim.name", "uid"),
        ("bearer.auth.cache.expiry.buffer.seconds", "77"),
    ])
    .unwrap();
    let Identity::OAuth(oauth) = &built.identity else { panic!("{:?}", built.identity) };
    let shown = format!("{:?}", oauth.credentials(None).unwrap());
    for (what, wanted) in [
        ("the scope that is asked for", r#"scope: Some("schemas")"#),
        ("the claims", r#"ClaimNames { subject: "uid", scope: "scp" }"#),
    ] {
        assert!(shown.contains(wanted), "{what}: {shown}");
    }
    assert_eq!(oauth.refresh().buffer, Duration::from_secs(77));
}

#[test]
fn times_and_counts_are_taken() {
    let built = builder(&[
        ("http.connect.timeout.ms", "11"),
        ("http.read.timeout.ms", "12"),
        ("max.retries", "13"),
        ("retries.wait.ms", "14"),
        ("retries.max.wait.ms", "15"),
        ("latest.cache.ttl.sec", "16"),
        ("schema.registry.url.randomize", "true"),
    ])
    .unwrap();
    let millis = Duration::from_millis;
    assert_eq!(built.limits.connect_timeout, millis(11));
    assert_eq!(built.limits.read_timeout, millis(12));
    assert_eq!(built.patience.retries, 13);
    assert_eq!(built.patience.pause, millis(14));
    assert_eq!(built.patience.longest_pause, millis(15));
    assert_eq!(built.latest_ttl, Some(Duration::from_secs(16)));
    for name in ["http.connect.timeout.ms", "http.read.timeout.ms"] {
        let error = refusal(&[(name, "0")]);
        assert!(error.starts_with(name) && error.contains("for ever"), "{error}");
    }
    assert!(built.randomize);
    let forever = builder(&[("latest.cache.ttl.sec", "-1")]).unwrap();
    assert_eq!(forever.latest_ttl, None);
}
