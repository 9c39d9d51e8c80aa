//! Who comes in, with what, and for how long.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::{
    ApiVersionsRequest, InitProducerIdRequest, MetadataRequest, SaslAuthenticateRequest,
    SaslHandshakeRequest,
};
use rohrpost_testkit::{
    ApiKey, Bytes, Cluster, Fault, Sasl, SaslMechanism, TokenOwner, TokenRefusal, Tokens,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Client, Outcome, address};
use crate::exchange::{base64, plain, scram, send_token, shake_hands};

const FAILED: ErrorCode = ErrorCode::SASL_AUTHENTICATION_FAILED;

async fn cluster(mechanisms: &[SaslMechanism]) -> std::io::Result<Cluster> {
    let sasl = Sasl::new(mechanisms.iter().copied()).user("alice", "alice-secret");
    Cluster::builder().brokers(1).sasl(sasl).start().await
}

async fn is_served(client: &mut Client) -> bool {
    client.call(&MetadataRequest::default(), 12).await.is_ok()
}

fn message(response: &rohrpost_codec::messages::SaslAuthenticateResponse) -> &str {
    response.error_message.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn whoever_has_not_authenticated_is_cut_off() -> Outcome {
    let cluster = cluster(&[SaslMechanism::Plain]).await?;
    let mut client = Client::to(&cluster, 1).await?;
    assert!(!is_served(&mut client).await, "the first request is for metadata");

    let mut client = Client::to(&cluster, 1).await?;
    let versions = ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    client.call(&versions, 4).await?;
    assert!(client.call(&versions, 4).await.is_err(), "ApiVersions is answered once");

    let mut client = Client::to(&cluster, 1).await?;
    client.call(&versions, 4).await?;
    shake_hands(&mut client, "PLAIN").await?;
    let early = client.call(&InitProducerIdRequest::default(), 4).await?;
    assert_eq!(early.error_code, ErrorCode::ILLEGAL_SASL_STATE, "the exchange has only begun");
    assert!(!is_served(&mut client).await, "and is over");

    let mut client = Client::to(&cluster, 1).await?;
    assert!(send_token(&mut client, *b"\0alice\0alice-secret").await.is_err(), "no mechanism yet");

    let mut client = Client::to(&cluster, 1).await?;
    client.send_bytes(&[0x16, 0x03, 0x01, 0x02]).await?;
    assert!(client.frame().await.is_err(), "a TLS hello announces 385 MB");
    assert_eq!(cluster.stats().authentications, 0);
    Ok(())
}

#[tokio::test]
async fn plain_lets_in_who_has_the_password() -> Outcome {
    let cluster = cluster(&[SaslMechanism::Plain]).await?;
    let mut client = Client::to(&cluster, 1).await?;
    let answer = plain(&mut client, "alice", "alice-secret").await?;
    assert_eq!((answer.error_code, answer.session_lifetime_ms), (ErrorCode::NONE, 0));
    assert!(answer.auth_bytes.is_empty());
    assert!(is_served(&mut client).await);
    assert_eq!(cluster.stats().authentications, 1);

    let wrong = "Authentication failed: Invalid username or password";
    let other = "Authentication failed: Client requested an authorization id that is different from username";
    let cases: [(&[u8], &str); 7] = [
        (b"\0alice\0bob-secret", wrong),
        (b"\0bob\0alice-secret", wrong),
        (b"\0\0alice-secret", "Authentication failed: username not specified"),
        (b"\0alice\0", "Authentication failed: password not specified"),
        (b"bob\0alice\0alice-secret", other),
        (b"alice", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
        (b"\0alice\0alice-secret\0", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
    ];
    for (token, said) in cases {
        let mut client = Client::to(&cluster, 1).await?;
        shake_hands(&mut client, "PLAIN").await?;
        let answer = send_token(&mut client, token).await?;
        assert_eq!((answer.error_code, message(&answer)), (FAILED, said));
        assert!(!is_served(&mut client).await, "{said}: the connection is closed");
    }
    assert_eq!(cluster.stats().failed_authentications, 7);
    Ok(())
}

#[tokio::test]
async fn scram_lets_in_who_has_the_password_and_proves_that_it_has_it_too() -> Outcome {
    let both = [SaslMechanism::ScramSha256, SaslMechanism::ScramSha512];
    let cluster = cluster(&both).await?;
    for mechanism in both.map(SaslMechanism::name) {
        let mut client = Client::to(&cluster, 1).await?;
        let (last, signature) = scram(&mut client, mechanism, "alice", "alice-secret", "").await?;
        assert_eq!(last.error_code, ErrorCode::NONE);
        assert_eq!(last.auth_bytes, signature, "{mechanism}");
        assert!(is_served(&mut client).await);

        let said = format!(
            "Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism}"
        );
        for (user, password) in [("alice", "bob-secret"), ("bob", "alice-secret")] {
            let mut client = Client::to(&cluster, 1).await?;
            let (last, _) = scram(&mut client, mechanism, user, password, "").await?;
            assert_eq!((last.error_code, message(&last)), (FAILED, said.as_str()));
            assert!(!is_served(&mut client).await);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_name_with_commas_and_equals_signs_is_escaped() -> Outcome {
    let sasl = Sasl::new([SaslMechanism::ScramSha256]).user("a,b=c", "geheim ß 密");
    let cluster = Cluster::builder().brokers(1).sasl(sasl).start().await?;
    let mut client = Client::to(&cluster, 1).await?;
    let (last, signature) =
        scram(&mut client, "SCRAM-SHA-256", "a=2Cb=3Dc", "geheim ß 密", "").await?;
    assert_eq!(last.auth_bytes, signature);
    let mut client = Client::to(&cluster, 1).await?;
    let (last, _) = scram(&mut client, "SCRAM-SHA-256", "a=2Cb=c", "geheim ß 密", "").await?;
    assert_eq!(last.error_code, FAILED);
    Ok(())
}

#[tokio::test]
async fn a_delegation_token_stands_for_its_owner() -> Outcome {
    let sasl = Sasl::new([SaslMechanism::ScramSha512])
        .user("alice", "alice-secret")
        .delegation_token("token-id", "dG9rZW4taG1hYw==", "alice");
    let cluster = Cluster::builder().brokers(1).sasl(sasl).start().await?;
    let cases = [
        ("token-id", "dG9rZW4taG1hYw==", ",tokenauth=true", ErrorCode::NONE),
        ("token-id", "dG9rZW4taG1hYw==", "", FAILED),
        ("alice", "alice-secret", ",tokenauth=true", FAILED),
    ];
    for (name, password, extensions, code) in cases {
        let mut client = Client::to(&cluster, 1).await?;
        let (last, _) = scram(&mut client, "SCRAM-SHA-512", name, password, extensions).await?;
        assert_eq!(last.error_code, code, "{name}{extensions}");
    }
    Ok(())
}

fn unsecured(claims: &str) -> String {
    let url = |text: &str| base64(text.as_bytes()).replace('+', "-").replace('/', "_");
    let [header, claims] =
        [r#"{"alg":"none"}"#, claims].map(|text| url(text).trim_end_matches('=').to_owned());
    format!("{header}.{claims}.")
}

fn bearer(token: &str) -> Vec<u8> {
    format!("n,,\x01auth=Bearer {token}\x01\x01").into_bytes()
}

#[tokio::test]
async fn oauthbearer_takes_unsecured_tokens_until_they_expire() -> Outcome {
    let cluster = cluster(&[SaslMechanism::OAuthBearer]).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut client = Client::to(&cluster, 1).await?;
    shake_hands(&mut client, "OAUTHBEARER").await?;
    let token = unsecured(&format!(r#"{{"sub":"alice","iat":{now},"exp":{}}}"#, now + 600));
    let answer = send_token(&mut client, bearer(&token)).await?;
    assert_eq!((answer.error_code, answer.auth_bytes.len()), (ErrorCode::NONE, 0));
    assert!((590_000..=600_000).contains(&answer.session_lifetime_ms), "{answer:?}");
    assert!(is_served(&mut client).await);

    let bad = [
        unsecured(&format!(r#"{{"sub":"alice","exp":{}}}"#, now - 1)),
        unsecured(&format!(r#"{{"exp":{}}}"#, now + 600)),
        unsecured(r#"{"sub":"alice"}"#),
        token.replace("eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9"),
        format!("{token}c2lnbmVk"),
        "opaque".into(),
    ];
    for token in bad {
        let mut client = Client::to(&cluster, 1).await?;
        shake_hands(&mut client, "OAUTHBEARER").await?;
        let told = send_token(&mut client, bearer(&token)).await?;
        let json = r#"{"status":"invalid_token"}"#;
        assert_eq!((told.error_code, &told.auth_bytes[..]), (ErrorCode::NONE, json.as_bytes()));
        let answer = send_token(&mut client, *b"\x01").await?;
        assert_eq!((answer.error_code, message(&answer)), (FAILED, json), "{token}");
        assert!(!is_served(&mut client).await);
    }
    Ok(())
}

#[tokio::test]
async fn a_function_judges_tokens_and_sees_the_extensions() -> Outcome {
    let tokens =
        Tokens::check(|token| match (token.value, token.extensions.get("logicalCluster")) {
            ("good", Some(cluster)) if cluster == "lkc-1" => Ok(TokenOwner::new("alice")),
            _ => Err(TokenRefusal::new("insufficient_scope").scope("kafka")),
        });
    let sasl = Sasl::new([SaslMechanism::OAuthBearer]).tokens(tokens);
    let cluster = Cluster::builder().brokers(1).sasl(sasl).start().await?;
    for (extensions, is_good) in [("logicalCluster=lkc-1\x01", true), ("", false)] {
        let mut client = Client::to(&cluster, 1).await?;
        shake_hands(&mut client, "OAUTHBEARER").await?;
        let first = format!("n,a=alice,\x01auth=Bearer good\x01{extensions}\x01");
        let answer = send_token(&mut client, first).await?;
        let json: &[u8] = match is_good {
            true => b"",
            false => br#"{"status":"insufficient_scope", "scope":"kafka"}"#,
        };
        assert_eq!(answer.auth_bytes, json);
    }
    let mut client = Client::to(&cluster, 1).await?;
    shake_hands(&mut client, "OAUTHBEARER").await?;
    let answer = send_token(&mut client, *b"n,,\x01auth=Basic good\x01\x01").await?;
    assert_eq!(answer.error_code, FAILED);
    assert!(message(&answer).contains("invalid credentials with SASL mechanism OAUTHBEARER"));
    Ok(())
}

#[tokio::test]
async fn a_mechanism_that_is_not_enabled_is_refused_with_those_that_are() -> Outcome {
    let cluster = cluster(&[SaslMechanism::Plain, SaslMechanism::ScramSha512]).await?;
    let mut client = Client::to(&cluster, 1).await?;
    let answer = shake_hands(&mut client, "SCRAM-SHA-256").await?;
    let enabled = vec!["PLAIN".to_owned(), "SCRAM-SHA-512".to_owned()];
    assert_eq!(answer, (ErrorCode::UNSUPPORTED_SASL_MECHANISM, enabled));
    assert!(shake_hands(&mut client, "PLAIN").await.is_err(), "the connection is closed");
    Ok(())
}

#[tokio::test]
async fn without_a_lifetime_nobody_authenticates_twice() -> Outcome {
    let cluster = cluster(&[SaslMechanism::Plain]).await?;
    let mut client = Client::to(&cluster, 1).await?;
    plain(&mut client, "alice", "alice-secret").await?;
    let answer = shake_hands(&mut client, "PLAIN").await?;
    assert_eq!(answer.0, ErrorCode::ILLEGAL_SASL_STATE);
    let answer = send_token(&mut client, *b"\0alice\0alice-secret").await?;
    assert_eq!(answer.error_code, ErrorCode::ILLEGAL_SASL_STATE);
    assert!(is_served(&mut client).await);

    let open = Cluster::builder().brokers(1).start().await?;
    let mut client = Client::to(&open, 1).await?;
    let answer = shake_hands(&mut client, "PLAIN").await?;
    assert_eq!(answer.0, ErrorCode::ILLEGAL_SASL_STATE);
    assert!(is_served(&mut client).await);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_authenticate_again_in_time_is_closed() -> Outcome {
    let lifetime = Duration::from_secs(10);
    let sasl = Sasl::new([SaslMechanism::Plain, SaslMechanism::ScramSha256])
        .user("alice", "alice-secret")
        .user("bob", "bob-secret")
        .max_reauth(lifetime);
    let cluster = Cluster::builder().brokers(1).sasl(sasl).start().await?;
    let enter = async || {
        let mut client = Client::to(&cluster, 1).await?;
        let answer = plain(&mut client, "alice", "alice-secret").await?;
        assert_eq!(answer.session_lifetime_ms, 10_000);
        tokio::time::advance(Duration::from_secs(9)).await;
        Ok::<_, std::io::Error>(client)
    };
    let mut client = enter().await?;
    for _ in 0..3 {
        let again = plain(&mut client, "alice", "alice-secret").await?;
        assert_eq!((again.error_code, again.session_lifetime_ms), (ErrorCode::NONE, 10_000));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(is_served(&mut client).await);
    }
    assert_eq!(cluster.stats().reauthentications, 3);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(!is_served(&mut client).await, "its time is up");
    assert_eq!(cluster.stats().expired_connections, 1);

    let mut client = enter().await?;
    tokio::time::advance(Duration::from_secs(2)).await;
    let late = plain(&mut client, "alice", "alice-secret").await?;
    assert_eq!(late.error_code, ErrorCode::NONE, "late, and before anything else");
    let soon = shake_hands(&mut client, "PLAIN").await?;
    assert_eq!(soon.0, ErrorCode::ILLEGAL_SASL_STATE, "not twice in a second");

    let mut client = enter().await?;
    let other = plain(&mut client, "bob", "bob-secret").await?;
    let said = "Cannot change principals during re-authentication from User.alice: User.bob";
    assert_eq!((other.error_code, message(&other)), (FAILED, said));

    let mut client = enter().await?;
    assert_eq!(shake_hands(&mut client, "SCRAM-SHA-256").await?.0, ErrorCode::NONE);
    assert!(
        send_token(&mut client, *b"n,,n=alice,r=x").await.is_err(),
        "not with another mechanism"
    );
    Ok(())
}

#[tokio::test]
async fn passwords_users_and_mechanisms_change_while_it_runs() -> Outcome {
    let cluster = cluster(&[SaslMechanism::ScramSha256]).await?;
    let enter = async |password: &str| {
        let mut client = Client::to(&cluster, 1).await?;
        let (last, _) = scram(&mut client, "SCRAM-SHA-256", "alice", password, "").await?;
        Ok::<_, Box<dyn std::error::Error>>((last.error_code, client))
    };
    let (code, mut before) = enter("alice-secret").await?;
    assert_eq!(code, ErrorCode::NONE);
    assert!(cluster.set_password("alice", "new-secret"));
    assert_eq!(enter("alice-secret").await?.0, FAILED);
    assert_eq!(enter("new-secret").await?.0, ErrorCode::NONE);
    assert!(is_served(&mut before).await, "what is open stays");
    assert!(cluster.remove_user("alice"));
    assert_eq!(enter("new-secret").await?.0, FAILED);
    cluster.change_sasl(|sasl| sasl.set_mechanisms([SaslMechanism::Plain]));
    let mut client = Client::to(&cluster, 1).await?;
    let answer = shake_hands(&mut client, "SCRAM-SHA-256").await?;
    assert_eq!(answer.1, ["PLAIN"]);
    Ok(())
}

/// A client of before Kafka 1.0 sends tokens as they are.
#[tokio::test]
async fn after_the_first_version_of_the_handshake_tokens_come_bare() -> Outcome {
    let cluster = cluster(&[SaslMechanism::Plain]).await?;
    for (password, is_in) in [("alice-secret", true), ("bob-secret", false)] {
        let mut client = Client::to(&cluster, 1).await?;
        let request = SaslHandshakeRequest { mechanism: "PLAIN".into(), ..Default::default() };
        assert_eq!(client.call(&request, 0).await?.error_code, ErrorCode::NONE);
        let token = format!("\0alice\0{password}");
        client.send_bytes(&(token.len() as u32).to_be_bytes()).await?;
        client.send_bytes(token.as_bytes()).await?;
        match client.frame().await {
            Ok(answer) => assert!(is_in && answer.is_empty(), "{answer:?}"),
            Err(_) => assert!(!is_in),
        }
        assert_eq!(is_served(&mut client).await, is_in);
    }
    Ok(())
}

#[tokio::test]
async fn a_token_of_more_than_half_a_megabyte_is_not_read() -> Outcome {
    let cluster = cluster(&[SaslMechanism::Plain]).await?;
    let mut client = Client::to(&cluster, 1).await?;
    shake_hands(&mut client, "PLAIN").await?;
    assert!(send_token(&mut client, vec![b'x'; 600 << 10]).await.is_err());
    Ok(())
}

/// The faults of all requests strike those of an exchange too.
#[tokio::test]
async fn an_exchange_breaks_where_a_fault_says() -> Outcome {
    let cluster = cluster(&[SaslMechanism::Plain]).await?;
    cluster.inject(Fault::disconnect_before().on(ApiKey::SaslAuthenticate));
    let mut client = Client::to(&cluster, 1).await?;
    assert!(plain(&mut client, "alice", "alice-secret").await.is_err());

    cluster.inject(Fault::error(ErrorCode::ILLEGAL_SASL_STATE).on(ApiKey::SaslHandshake));
    let mut client = Client::to(&cluster, 1).await?;
    assert_eq!(shake_hands(&mut client, "PLAIN").await?.0, ErrorCode::ILLEGAL_SASL_STATE);

    cluster.inject(Fault::append(5).on(ApiKey::SaslAuthenticate));
    cluster.inject(Fault::announce(1 << 30).on(ApiKey::SaslAuthenticate));
    let mut stream = TcpStream::connect(address(&cluster, 1)).await?;
    let handshake = SaslHandshakeRequest { mechanism: "PLAIN".into(), ..Default::default() };
    let token = Bytes::from_static(b"\0alice\0alice-secret");
    let token = SaslAuthenticateRequest { auth_bytes: token, ..Default::default() };
    for request in [
        rohrpost_codec::encode_request(1, None, &handshake, 1)?.to_bytes(),
        rohrpost_codec::encode_request(2, None, &token, 1)?.to_bytes(),
    ] {
        stream.write_all(&request).await?;
    }
    let mut mechanisms = vec![0; stream.read_u32().await? as usize];
    stream.read_exact(&mut mechanisms).await?;
    // An answer of version 1: correlation id, code, null, no bytes, lifetime; and five zeros behind it.
    let mut answer = [0; 4 + 4 + 2 + 2 + 4 + 8 + 5];
    stream.read_exact(&mut answer).await?;
    assert_eq!(answer[..8], [0x40, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(answer[24..], [0; 5]);
    Ok(())
}
