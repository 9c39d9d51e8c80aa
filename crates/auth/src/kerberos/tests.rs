use super::*;

#[test]
fn names_that_are_none_are_refused_before_anybody_connects() {
    let new = |service: &str, principal: &str| {
        let login =
            KerberosLogin::Keytab { principal: principal.to_owned(), keytab: "/nowhere".into() };
        let environment = KerberosEnvironment::of_process();
        KerberosCredentials::new(login, service, environment, RefreshSettings::default())
    };
    assert!(new("kafka", "alice@R").is_ok());
    for (service, principal) in [("", "alice"), ("a/b", "alice"), ("kafka", ""), ("kafka", "a@")] {
        assert!(new(service, principal).is_err(), "{service} {principal}");
    }
}

/// A keytab with one key of AES for `alice@R`.
const KEYTAB: &[u8] = b"\x05\x02\0\0\0\x2d\0\x01\0\x01R\0\x05alice\0\0\0\x01\0\0\0\0\x01\0\x11\0\x10sixteen bytes...\0\0\0\x01";

struct Scene {
    folder: PathBuf,
    environment: KerberosEnvironment,
}

impl Scene {
    fn new(name: &str, config: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("rohrpost-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("krb5.conf"), config).unwrap();
        std::fs::write(folder.join("alice.keytab"), KEYTAB).unwrap();
        let environment = KerberosEnvironment::of_process().with_config(folder.join("krb5.conf"));
        Self { folder, environment }
    }

    async fn refusal(&self, login: KerberosLogin) -> CredentialsError {
        let once =
            RefreshSettings { retry_backoff_max: Duration::ZERO, ..RefreshSettings::default() };
        let credentials = KerberosCredentials::new(login, "kafka", self.environment.clone(), once);
        credentials.unwrap().client("broker").await.unwrap_err()
    }

    async fn by_keytab(&self, principal: &str) -> CredentialsError {
        let keytab = self.folder.join("alice.keytab");
        self.refusal(KerberosLogin::Keytab { principal: principal.to_owned(), keytab }).await
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn check_words(error: &CredentialsError, words: &[&str]) {
    for word in words {
        assert!(error.detail.contains(word), "no {word:?} in: {error}");
    }
}

#[tokio::test]
async fn a_kdc_that_does_not_answer_is_named_and_tried_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // One that closes each connection; the other one is none.
    let server = tokio::spawn(async move {
        loop {
            drop(listener.accept().await.unwrap());
        }
    });
    let config =
        format!("[realms]\nR = {{\n kdc = 127.0.0.1:{port}\n kdc = https://kdc/KdcProxy\n}}\n");
    let scene = Scene::new("kdc-silent", &config);
    let error = scene.by_keytab("alice@R").await;
    check_words(&error, &["realm R", &format!("127.0.0.1:{port}"), "https://kdc", "krb5.conf"]);
    assert!(error.is_retriable);
    server.abort();
}

#[tokio::test]
async fn a_server_that_is_no_kdc_is_told_from_one() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // What is left unread would end the connection before its time.
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    let scene = Scene::new("kdc-http", &format!("[realms]\nR = {{\n kdc = 127.0.0.1:{port}\n}}\n"));
    check_words(&scene.by_keytab("alice@R").await, &["another protocol"]);
    server.abort();
}

#[tokio::test]
async fn what_the_files_lack_is_named() {
    let scene = Scene::new("kerberos-files", "[libdefaults]\n");
    let error = scene.by_keytab("alice").await;
    check_words(&error, &["realm alice is in", "default_realm", "krb5.conf"]);
    assert!(!error.is_retriable);
    let error = scene.by_keytab("bob@R").await;
    check_words(&error, &["alice.keytab", "no key of bob@R", "alice@R"]);
    let keytab = scene.folder.join("missing.keytab");
    let login = KerberosLogin::Keytab { principal: "alice@R".to_owned(), keytab };
    let error = scene.refusal(login).await;
    check_words(&error, &["the keytab", "missing.keytab cannot be read", "check its name"]);
    assert!(!error.is_retriable);
    let cache = |name: &str| KerberosLogin::TicketCache {
        principal: None,
        cache: Some(format!("FILE:{}", scene.folder.join(name).display())),
    };
    let error = scene.refusal(cache("none")).await;
    check_words(&error, &["none", "kinit", "KRB5CCNAME"]);
    assert!(!error.is_retriable);
    let error = scene.refusal(cache("alice.keytab")).await;
    check_words(&error, &["alice.keytab", "0x0502"]);
    std::fs::write(scene.folder.join("krb5.conf"), "[libdefaults]\nnonsense\n").unwrap();
    check_words(&scene.by_keytab("alice@R").await, &["krb5.conf", "line 2"]);
    std::fs::write(
        scene.folder.join("krb5.conf"),
        format!("include {}\n", scene.folder.join("krb5.conf").display()),
    )
    .unwrap();
    check_words(&scene.by_keytab("alice@R").await, &["too deep"]);
}
