use std::collections::BTreeMap;

use rohrpost_sasl::{SaslClient, Step};

use super::*;
use crate::clock::from_millis;
use crate::testing::{Asked, Folder, Reply, Server};
use crate::{Credentials, MskIamCredentials, RefreshSettings};

const JSON: &str = r#"{"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"hush-key","Token":"hush-token","Expiration":"2099-01-01T00:00:00Z"}"#;
const XML: &str = "<AssumeRoleResponse xmlns=\"x\"><R><Credentials><AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>hush-key</SecretAccessKey>\
                   <SessionToken>hush-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R></AssumeRoleResponse>";

/// Variables, on top of those that keep the tests away from this machine's own files and metadata service.
fn environment(variables: &[(&str, &str)]) -> AwsEnvironment {
    let mut all = BTreeMap::from([("HOME", "/nowhere"), ("AWS_EC2_METADATA_DISABLED", "true")]);
    all.extend(variables.iter().copied());
    all.into_iter().collect()
}

async fn found(variables: &[(&str, &str)]) -> Result<AwsSession, CredentialsError> {
    let provider = DefaultAwsCredentials::new(environment(variables));
    let outcome = provider.credentials().await;
    let shown = format!("{provider:?} {outcome:?}");
    assert!(!shown.contains("hush"), "{shown}");
    outcome
}

fn check(session: &AwsSession, id: &str) {
    let AwsCredentials { access_key_id, secret_access_key, session_token } = &session.credentials;
    assert_eq!(access_key_id, id);
    assert_eq!(secret_access_key.expose_str(), Some("hush-key"));
    assert_eq!(session_token.as_ref().unwrap().expose_str(), Some("hush-token"));
    assert_eq!(session.expires_at, Some(from_millis(4_070_908_800_000)));
}

/// A machine of EC2.
fn instance(asked: &Asked) -> Reply {
    let shows_token = asked.header("x-aws-ec2-metadata-token") == "hush-session";
    match &*asked.line {
        "PUT /latest/api/token"
            if asked.header("x-aws-ec2-metadata-token-ttl-seconds") == "300" =>
        {
            Reply::ok("hush-session")
        }
        _ if !shows_token => Reply::of(401, ""),
        "GET /latest/meta-data/iam/security-credentials/" => Reply::ok("my-role"),
        "GET /latest/meta-data/iam/security-credentials/my-role" => Reply::ok(JSON),
        "GET /latest/meta-data/placement/region" => Reply::ok("eu-west-3"),
        _ => Reply::of(404, ""),
    }
}

#[tokio::test]
async fn the_environments_keys_come_first() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/none"),
    ];
    let session = found(&variables).await.unwrap();
    assert_eq!(session.credentials.access_key_id, "AKID");
    assert!(session.credentials.session_token.is_none() && session.expires_at.is_none());
    let error = found(&[("AWS_ACCESS_KEY_ID", "AKID")]).await.unwrap_err();
    assert!(error.detail.contains("AWS_SECRET_ACCESS_KEY is not") && !error.is_retriable);
}

#[tokio::test]
async fn a_web_identity_gets_its_role() {
    let folder = Folder::new();
    let file = folder.write("token", "hush-identity\n");
    let server = Server::start(|_| Reply::ok(XML)).await;
    let (sts, file) = (server.url("/"), file.to_str().unwrap());
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_ROLE_SESSION_NAME", "me"),
        ("AWS_ENDPOINT_URL_STS", &*sts),
    ];
    check(&found(&variables).await.unwrap(), "ASIA2");
    assert_eq!(
        server.asked()[0].body,
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=me&WebIdentityToken=hush-identity"
    );
    let error = found(&[variables[0], variables[3]]).await.unwrap_err();
    assert!(error.detail.contains("AWS_ROLE_ARN is not"), "{error}");
    folder.write("token", "");
    assert!(found(&variables).await.unwrap_err().detail.contains("there is no token"));
}

#[tokio::test]
async fn a_role_that_is_refused_is_told_in_the_servers_words() {
    let folder = Folder::new();
    let file = folder.write("token", "hush-identity");
    for (status, code, is_retriable) in [
        (400, "InvalidIdentityToken", false),
        (403, "AccessDenied", false),
        (400, "IDPCommunicationError", true),
        (503, "x", true),
    ] {
        let server = Server::start(move |_| {
            Reply::of(status, &format!("<ErrorResponse><Error><Code>{code}</Code><Message>no &lt;hush-identity&gt;</Message></Error></ErrorResponse>"))
        })
        .await;
        let sts = server.url("/");
        let variables = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
            ("AWS_ROLE_ARN", "the-role"),
            ("AWS_ENDPOINT_URL_STS", &*sts),
        ];
        let error = found(&variables).await.unwrap_err();
        let expected = format!("the role the-role: {status} {code}: no <[hidden]>");
        assert!(
            error.detail.contains(&expected) && error.detail.contains(&server.url("")),
            "{error}"
        );
        assert_eq!(error.is_retriable, is_retriable);
    }
}

#[tokio::test]
async fn a_profile_is_used_and_its_role_assumed() {
    let folder = Folder::new();
    let server = Server::start(|_| Reply::ok(XML)).await;
    let sts = server.url("/");
    folder.write(
        ".aws/credentials",
        "[default]\naws_access_key_id=AKID\naws_secret_access_key=hush\n",
    );
    folder.write(
        ".aws/config",
        "[profile other]\nrole_arn=the-role\nsource_profile=default\nexternal_id=x\nduration_seconds=900\nregion=eu-north-1\n",
    );
    let home = ("HOME", folder.path().to_str().unwrap());
    let session = found(&[home]).await.unwrap();
    assert_eq!(session.credentials.access_key_id, "AKID");

    check(
        &found(&[home, ("AWS_PROFILE", "other"), ("AWS_ENDPOINT_URL_STS", &sts)]).await.unwrap(),
        "ASIA2",
    );
    let asked = &server.asked()[0];
    assert_eq!(
        asked.body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=the-role&RoleSessionName=rohrpost&DurationSeconds=900&ExternalId=x"
    );
    let authorization = asked.header("authorization");
    let date = asked.header("x-amz-date");
    let scope = format!(
        "Credential=AKID/{}/eu-north-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date, ",
        &date[..8]
    );
    assert!(authorization.contains(&scope), "{authorization}");

    let error = found(&[home, ("AWS_PROFILE", "none")]).await.unwrap_err();
    assert!(error.detail.contains("\"none\"") && error.detail.contains(".aws/config"), "{error}");
    let named = DefaultAwsCredentials::new(environment(&[home, ("AWS_ACCESS_KEY_ID", "x")]));
    let session = named.with_profile("default").credentials().await.unwrap();
    assert_eq!(session.credentials.access_key_id, "AKID", "the one that was asked for");
}

#[tokio::test]
async fn a_container_shows_its_token() {
    let folder = Folder::new();
    let file = folder.write("token", "hush-one\n");
    let server = Server::start(|asked| match asked.header("authorization") {
        "hush-one" | "hush-two" => Reply::ok(JSON),
        other => Reply::of(403, &format!(r#"{{"message":"not {other}"}}"#)),
    })
    .await;
    let url = format!("{}/v1/credentials?x=hush", server.origin());
    let url = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*url);
    let by_file = [url, ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap())];
    check(&found(&by_file).await.unwrap(), "ASIA1");
    folder.write("token", "hush-two");
    check(&found(&by_file).await.unwrap(), "ASIA1");
    assert_eq!(server.asked()[1].line, "GET /v1/credentials?x=hush");
    check(
        &found(&[url, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush-one")]).await.unwrap(),
        "ASIA1",
    );
    let error = found(&[url, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush-no")]).await.unwrap_err();
    assert!(error.detail.contains("403") && error.detail.contains("not [hidden]"), "{error}");
}

#[tokio::test]
async fn a_container_is_not_asked_where_others_could_listen() {
    for url in
        ["http://10.0.0.1/x", "http://169.254.169.254/", "http://localhost.example/", "file:///x"]
    {
        let error = found(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)]).await.unwrap_err();
        assert!(!error.is_retriable && error.detail.contains("FULL_URI"), "{error}");
    }
    // A path that makes another host of it.
    let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    for path in [".evil.example/x", "@evil.example/", ":81/"] {
        let error = found(&[(relative, path)]).await.unwrap_err();
        assert!(error.detail.contains(relative), "{path}: {error}");
    }
    for url in [
        "http://169.254.170.23/x",
        "http://[fd00:ec2::23]/x",
        "http://127.0.0.9/",
        "https://x.example/",
    ] {
        let safe = environment(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)]);
        assert!(ContainerCredentials::from_environment(&safe).unwrap().is_some(), "{url}");
    }
}

#[tokio::test]
async fn a_machine_is_asked_by_version_two_of_its_service() {
    let server = Server::start(instance).await;
    let place = server.url("/");
    let variables =
        [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*place)];
    check(&found(&variables).await.unwrap(), "ASIA1");
    assert_eq!(server.asked().len(), 3);

    let bare = Server::start(|asked| match &*asked.line {
        "PUT /latest/api/token" => Reply::ok("hush"),
        _ => Reply::of(404, ""),
    })
    .await;
    let place = bare.url("/");
    let error = found(&[variables[0], ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &place)]).await;
    let error = error.unwrap_err();
    assert!(
        error.detail.contains("has no role") && error.detail.contains("AWS_ACCESS_KEY_ID"),
        "{error}"
    );
}

#[tokio::test]
async fn hostile_answers_are_refused() {
    let many = "x".repeat(100_000);
    for (role, credentials, part) in [
        ("../../user-data", JSON, "gives no role"),
        ("", JSON, "gives no role"),
        (&*many, JSON, "gives no role"),
        ("r", "", "not the JSON"),
        ("r", r#"{"AccessKeyId":7,"x":"hush"}"#, "not the JSON"),
        ("r", r#"{"Code":"Failed\u0007","SecretAccessKey":"hush"}"#, "its code is \"Failed\""),
        ("r", r#"{"AccessKeyId":"x"}"#, "is missing"),
        ("r", r#"{"AccessKeyId":"x","SecretAccessKey":"hush","Expiration":"soon"}"#, "not a date"),
    ] {
        let (role, credentials) = (role.to_owned(), credentials.to_owned());
        let server = Server::start(move |asked| match &*asked.line {
            "PUT /latest/api/token" => Reply::ok("t"),
            "GET /latest/meta-data/iam/security-credentials/" => Reply::ok(&role),
            _ => Reply::ok(&credentials),
        })
        .await;
        let place = server.url("/");
        let variables =
            [("AWS_EC2_METADATA_DISABLED", "no"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*place)];
        let error = found(&variables).await.unwrap_err();
        assert!(error.detail.contains(part) && error.detail.len() < 1_000, "{error}");
    }
}

#[tokio::test]
async fn where_nothing_is_all_that_was_looked_at_is_told() {
    let error = found(&[]).await.unwrap_err();
    for part in [
        "AWS_ACCESS_KEY_ID",
        "\"default\"",
        "/nowhere/.aws/credentials",
        "AWS_EC2_METADATA_DISABLED",
    ] {
        assert!(error.detail.contains(part), "{part}: {error}");
    }
    assert!(!error.is_retriable);
}

async fn first_message(
    credentials: &MskIamCredentials,
    host: &str,
) -> Result<String, CredentialsError> {
    let mut client: Box<dyn SaslClient> = credentials.client(host).await?;
    assert_eq!(client.mechanism(), "AWS_MSK_IAM");
    match client.step(None) {
        Ok(Step::Send(bytes)) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_region_is_the_brokers_else_what_is_said_else_the_machines() {
    let server = Server::start(instance).await;
    let place = server.url("/");
    let machine =
        [("AWS_EC2_METADATA_DISABLED", "no"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*place)];
    let folder = Folder::new();
    folder.write(".aws/config", "[default]\nregion=sa-east-1\n");
    let profile = ("HOME", folder.path().to_str().unwrap());
    let msk = "b-1.x.y.c2.kafka.eu-central-1.amazonaws.com";
    let said = ("AWS_REGION", "us-west-2");
    for (host, variables, region, expected) in [
        (msk, &[said][..], None, "eu-central-1"),
        (msk, &[said], Some("ap-south-1"), "ap-south-1"),
        ("kafka.example", &[said, profile], None, "us-west-2"),
        ("kafka.example", &[profile, machine[0], machine[1]], None, "sa-east-1"),
        ("kafka.example", &machine, None, "eu-west-3"),
    ] {
        let keys = AwsCredentials {
            access_key_id: "AKID".into(),
            secret_access_key: "hush".into(),
            session_token: None,
        };
        let environment = environment(variables);
        let credentials =
            MskIamCredentials::new(Arc::new(keys), environment, RefreshSettings::default());
        let credentials = match region {
            Some(region) => credentials.with_region(region),
            None => credentials,
        };
        let message = first_message(&credentials, host).await.unwrap();
        assert!(message.contains(&format!("/{expected}/kafka-cluster/")), "{message}");
        assert!(message.contains(&format!("\"host\":\"{host}\"")), "{message}");
        let shown = format!("{credentials:?} {:?}", credentials.client(host).await.unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
    let nowhere = MskIamCredentials::new(
        Arc::new(DefaultAwsCredentials::new(environment(&[
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "y"),
        ]))),
        environment(&[]),
        RefreshSettings::default(),
    );
    let error = first_message(&nowhere, "kafka.example").await.unwrap_err();
    assert!(
        error.detail.contains("AWS_REGION") && error.detail.contains("kafka.example"),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_that_last_are_asked_for_once() {
    let server = Server::start(instance).await;
    let place = server.url("/");
    let environment = environment(&[
        ("AWS_EC2_METADATA_DISABLED", "no"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &place),
        ("AWS_REGION", "us-east-1"),
    ]);
    let provider = Arc::new(DefaultAwsCredentials::new(environment.clone()));
    let credentials = MskIamCredentials::new(provider, environment, RefreshSettings::default());
    for _ in 0..5 {
        let message = first_message(&credentials, "kafka.example").await.unwrap();
        assert!(message.contains("ASIA1"), "{message}");
    }
    assert_eq!(server.asked().len(), 3);
}
