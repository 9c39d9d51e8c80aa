//! What brokers are shown, for each place that credentials can come from.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use rohrpost_auth::Credentials;
use rohrpost_sasl::Step;

use super::*;

const BROKER: &str = "b-1.orders.abcdef.c2.kafka.eu-central-1.amazonaws.com";

fn jaas(options: &str) -> JaasConfig {
    let text = format!("software.amazon.msk.auth.iam.IAMLoginModule required {options};");
    JaasConfig::parse(&text).unwrap()
}

/// What goes over the wire to a broker, or why nothing does.
async fn shown(options: &str, variables: &[(&str, &str)], host: &str) -> Result<String, String> {
    // Nothing of the machine that this runs on.
    let nowhere = [("HOME", "/nowhere"), ("AWS_EC2_METADATA_DISABLED", "true")];
    let environment = nowhere.iter().chain(variables).copied().collect();
    let credentials =
        within(environment, Some(&jaas(options))).map_err(|error| error.to_string())?;
    let mut client = credentials.client(host).await.map_err(|error| error.detail)?;
    assert_eq!(client.mechanism(), "AWS_MSK_IAM");
    match client.step(None) {
        Ok(Step::Send(bytes)) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
        other => Err(format!("{other:?}")),
    }
}

/// AWS' services on this machine: the token service, which gives a role to whoever asks, and the machine's own.
struct Aws {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Aws {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        // It ends with the process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut request, mut piece) = (String::new(), [0; 4_096]);
                let is_whole = |request: &str| match request.split_once("\r\n\r\n") {
                    Some((head, body)) => !head.starts_with("POST") || body.contains("Version="),
                    None => false,
                };
                while !is_whole(&request) {
                    match stream.read(&mut piece) {
                        Ok(0) | Err(_) => break,
                        Ok(read) => request.push_str(&String::from_utf8_lossy(&piece[..read])),
                    }
                }
                let keys = ("ASIAROLE", "role-secret", "role-token", "2099-01-01T00:00:00Z");
                let body = if request.starts_with("POST / ") {
                    format!(
                        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
                        keys.0, keys.1, keys.2, keys.3
                    )
                } else if request.starts_with("PUT ") {
                    "metadata-token".to_owned()
                } else if request.starts_with("GET /latest/meta-data/iam/security-credentials/ ") {
                    "the-role".to_owned()
                } else {
                    format!(
                        "{{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAMACHINE\",\"SecretAccessKey\":\"{}\",\"Token\":\"{}\",\"Expiration\":\"{}\"}}",
                        keys.1, keys.2, keys.3
                    )
                };
                log.lock().unwrap().push(request);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "hush")];

#[tokio::test]
async fn a_broker_is_shown_a_request_of_its_region_that_is_good_for_a_quarter_of_an_hour() {
    let payload = shown("", &KEYS, BROKER).await.unwrap();
    for part in [
        "\"version\":\"2020_10_22\"",
        "\"action\":\"kafka-cluster:Connect\"",
        "\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\"",
        "\"x-amz-expires\":\"900\"",
        "\"x-amz-credential\":\"AKIDENV/",
        "/eu-central-1/kafka-cluster/aws4_request\"",
        &format!("\"host\":\"{BROKER}\""),
    ] {
        assert!(payload.contains(part), "{part}: {payload}");
    }
    assert!(!payload.contains("hush") && !payload.contains("security-token"), "{payload}");
    let session =
        [KEYS[0], KEYS[1], ("AWS_SESSION_TOKEN", "of-session"), ("AWS_REGION", "sa-east-1")];
    let payload = shown("", &session, "kafka.example").await.unwrap();
    assert!(payload.contains("\"x-amz-security-token\":\"of-session\""), "{payload}");
    assert!(payload.contains("/sa-east-1/kafka-cluster/"), "{payload}");
    let error = shown("", &[], BROKER).await.unwrap_err();
    assert!(error.contains("AWS_ACCESS_KEY_ID"), "{error}");
}

#[tokio::test]
async fn a_profile_that_is_named_is_the_only_place() {
    let path = std::env::temp_dir().join(format!("rohrpost-aws-{}", std::process::id()));
    let text = "[default]\naws_access_key_id=AKIDDEFAULT\naws_secret_access_key=hush\n[orders]\naws_access_key_id=AKIDORDERS\naws_secret_access_key=hush\n";
    std::fs::write(&path, text).unwrap();
    let file = ("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap());
    let both = [KEYS[0], KEYS[1], file];
    for (options, variables, key) in [
        ("awsProfileName=\"orders\"", &both[..], "AKIDORDERS"),
        ("awsProfileName=\"orders\" awsAddDefaultProviders=\"false\"", &both, "AKIDORDERS"),
        ("", &both, "AKIDENV"),
        ("", &both[2..], "AKIDDEFAULT"),
    ] {
        let payload = shown(options, variables, BROKER).await.unwrap();
        assert!(payload.contains(key), "{options}: {payload}");
    }
    let error = shown("awsProfileName=\"other\"", &both, BROKER).await.unwrap_err();
    assert!(error.contains("other") && !error.contains("hush"), "{error}");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_role_is_assumed_as_the_options_say() {
    let aws = Aws::start();
    let service = ("AWS_ENDPOINT_URL_STS", &*aws.url);
    let of_environment = [KEYS[0], KEYS[1], service];
    let role = "awsRoleArn=\"arn:aws:iam::1:role/orders\"";
    let payload = shown(role, &of_environment, BROKER).await.unwrap();
    assert!(payload.contains("ASIAROLE") && payload.contains("role-token"), "{payload}");
    let [asked] = &aws.asked()[..] else { panic!() };
    for part in [
        "Action=AssumeRole&",
        "role%2Forders",
        "RoleSessionName=aws-msk-iam-auth",
        "AKIDENV/",
        "/us-east-1/sts/",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert!(!asked.contains("ExternalId"), "{asked}");
    let more = "awsRoleSessionName=\"mine\" awsRoleExternalId=\"7\" awsStsRegion=\"eu-west-1\" awsRoleAccessKeyId=\"AKIDJAAS\" awsRoleSecretAccessKey=\"hush\" awsRoleSessionToken=\"of-session\"";
    shown(&format!("{role} {more}"), &of_environment, BROKER).await.unwrap();
    let [asked] = &aws.asked()[..] else { panic!() };
    for part in
        ["RoleSessionName=mine", "ExternalId=7", "AKIDJAAS/", "/eu-west-1/sts/", "of-session"]
    {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert!(!asked.contains("hush"), "{asked}");
}

#[tokio::test]
async fn web_identities_and_machines_are_asked_as_the_environment_says() {
    let aws = Aws::start();
    let path = std::env::temp_dir().join(format!("rohrpost-identity-{}", std::process::id()));
    std::fs::write(&path, "a.b.c\n").unwrap();
    let identity = [
        ("AWS_ENDPOINT_URL_STS", &*aws.url),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod"),
    ];
    assert!(shown("", &identity, BROKER).await.unwrap().contains("ASIAROLE"));
    let [asked] = &aws.asked()[..] else { panic!() };
    for part in ["AssumeRoleWithWebIdentity", "WebIdentityToken=a.b.c", "role%2Fpod"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    std::fs::remove_file(path).unwrap();
    let machine =
        [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*aws.url)];
    assert!(shown("", &machine, BROKER).await.unwrap().contains("ASIAMACHINE"));
    let asked = aws.asked();
    assert!(asked[0].starts_with("PUT ") && asked[2].contains("metadata-token"), "{asked:?}");
}

#[test]
fn options_that_mean_nothing_together_or_at_all_name_themselves() {
    let told = |options: &str| {
        let made = within(AwsEnvironment::default(), Some(&jaas(options)));
        made.map(drop).map_err(|error| error.to_string())
    };
    for good in [
        "",
        "awsProfileName=\"orders\"",
        "awsProfileName=orders awsAddDefaultProviders=false",
        "awsAddDefaultProviders=true awsDebugCreds=false",
        "awsRoleArn=\"arn:aws:iam::1:role/a\" awsRoleExternalId=\"7\" awsStsRegion=\"eu-west-1\"",
        "awsRoleArn=\"arn:aws:iam::1:role/a\" awsRoleAccessKeyId=\"AKIA\" awsRoleSecretAccessKey=\"hush\" awsRoleSessionToken=\"hush\"",
    ] {
        told(good).unwrap();
    }
    for (bad, named) in [
        ("awsDebugCreds=true", "awsDebugCreds"),
        ("awsShouldUseFips=true", "AWS_ENDPOINT_URL_STS"),
        ("awsMaxRetries=\"3\"", "RefreshSettings"),
        ("awsMaxBackOffTimeMs=\"3\"", "awsMaxBackOffTimeMs"),
        ("awsProfilName=hush", "awsProfilName"),
        ("awsRoleSessionName=hush", "awsRoleArn"),
        ("awsRoleArn=a awsRoleAccessKeyId=hush", "awsRoleSecretAccessKey"),
        ("awsRoleArn=a awsRoleSecretAccessKey=hush", "awsRoleAccessKeyId"),
        ("awsRoleArn=a awsRoleSessionToken=hush", "awsRoleSecretAccessKey"),
        ("awsRoleArn=a awsProfileName=hush", "awsProfileName"),
        ("awsProfileName=hush awsAddDefaultProviders=true", "awsAddDefaultProviders"),
        ("awsAddDefaultProviders=false", "awsAddDefaultProviders"),
    ] {
        let error = told(bad).unwrap_err();
        assert!(error.contains(named) && !error.contains("hush"), "{bad}: {error}");
    }
}
