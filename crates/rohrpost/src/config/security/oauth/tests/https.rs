//! The way to the authorization server by HTTPS.

use rohrpost_testkit::{Cluster, Tls};

use super::*;

#[tokio::test]
async fn a_server_that_never_answers_in_tls_is_given_up_in_the_time_for_connecting() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://127.0.0.1:{}/token", listener.local_addr().unwrap().port());
    for timeout in ["40", "50"] {
        let properties = [
            (ENDPOINT, &*url),
            ("sasl.login.connect.timeout.ms", timeout),
            ("sasl.login.retry.backoff.max.ms", "0"),
            ("sasl.login.retry.backoff.ms", "0"),
        ];
        let all: Vec<_> = properties.iter().chain(&CLIENT).copied().collect();
        let error = sent(Dialect::Java, &all).await.unwrap_err();
        assert!(error.contains(&format!("within {timeout} ms")), "{error}");
    }
}

/// Whoever is trusted is asked; that it is a broker and no authorization server is found out then.
#[test]
fn whom_to_trust_is_the_login_modules_matter_and_not_the_brokers() {
    let cluster = Cluster::builder().brokers(1).tls(Tls::new()).start_blocking().unwrap();
    let url = format!("https://{}/", cluster.bootstrap_servers());
    let pem = cluster.ca_pem();
    let path = std::env::temp_dir().join(format!("rohrpost-https-{}", std::process::id()));
    std::fs::write(&path, &pem).unwrap();
    let file = path.to_str().unwrap();
    let refusal = |dialect, properties: &[(&str, &str)]| {
        let all: Vec<_> = properties.iter().copied().chain([(ENDPOINT, &*url)]).collect();
        let mut config = config(dialect, &all).unwrap();
        // One attempt.
        let login = &mut config.security.sasl.oauth.login;
        (login.retry_backoff, login.retry_backoff_max) = (Duration::ZERO, Duration::ZERO);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(first_message(&config)).unwrap_err()
    };
    let is_asked = |why: &str| why.contains("HTTP") && !why.contains("trusted");
    let java = |options: &str| {
        let jaas = format!("{LOGIN} {options};");
        refusal(Dialect::Java, &[CLIENT[0], CLIENT[1], ("sasl.jaas.config", &jaas)])
    };
    let pem_file = format!("ssl.truststore.type=\"PEM\" ssl.truststore.location=\"{file}\"");
    let why = java(&pem_file);
    assert!(is_asked(&why), "{why}");
    let why = java("");
    assert!(!is_asked(&why), "{why}");
    let why = java("ssl.truststore.type=\"PEM\" ssl.truststore.location=\"/nowhere\"");
    assert!(why.contains("/nowhere"), "{why}");
    let brokers = [
        CLIENT[0],
        CLIENT[1],
        ("ssl.truststore.type", "PEM"),
        ("ssl.truststore.certificates", &*pem),
    ];
    let why = refusal(Dialect::Java, &brokers);
    assert!(!is_asked(&why), "{why}");

    let librdkafka = |trust: (&str, &str)| {
        let client =
            [("sasl.oauthbearer.client.id", "orders"), ("sasl.oauthbearer.client.secret", "hush")];
        let method = ("sasl.oauthbearer.method", "oidc");
        refusal(Dialect::Librdkafka, &[client[0], client[1], method, trust])
    };
    for trust in [("https.ca.pem", &*pem), ("https.ca.location", file)] {
        let why = librdkafka(trust);
        assert!(is_asked(&why), "{trust:?}: {why}");
    }
    let why = librdkafka(("https.ca.location", "probe"));
    assert!(!is_asked(&why), "{why}");
    std::fs::remove_file(path).unwrap();
}
