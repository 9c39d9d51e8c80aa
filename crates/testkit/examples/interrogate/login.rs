//! Who comes in, and what is said to those who do not.

use std::error::Error;

use rohrpost_codec::messages::{
    ApiVersionsRequest, InitProducerIdRequest, MetadataRequest, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest,
};
use rohrpost_testkit::Bytes;

use crate::client::{Client, Outcome};
use crate::exchange::{NONCE, answer, base64, send_token, shake_hands};

/// What a server says to a token, and whether the connection goes on.
async fn told(name: &str, mut client: Client, response: std::io::Result<SaslAuthenticateResponse>) {
    match response {
        Ok(said) => {
            let message = said.error_message.as_deref();
            let (code, bytes) = (said.error_code, said.auth_bytes.len());
            let after = is_served(&mut client).await;
            println!(
                "{name}: {code:?} {message:?} bytes {bytes} lifetime {} served {after}",
                said.session_lifetime_ms
            );
        }
        Err(_) => println!("{name}: closed"),
    }
}

async fn is_served(client: &mut Client) -> bool {
    client
        .call(&MetadataRequest { topics: Some(Vec::new()), ..Default::default() }, 12)
        .await
        .is_ok()
}

fn versions() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1".into(),
        ..Default::default()
    }
}

/// Shakes hands in a version, and says what came.
async fn hands(name: &str, client: &mut Client, mechanism: &str, version: i16) {
    let request =
        SaslHandshakeRequest { mechanism: mechanism.to_owned().into(), ..Default::default() };
    match client.call(&request, version).await {
        Ok(said) => {
            let mut mechanisms: Vec<_> = said.mechanisms.iter().map(|m| m.to_string()).collect();
            mechanisms.sort();
            println!("{name}: {:?} {mechanisms:?}", said.error_code);
        }
        Err(_) => println!("{name}: closed"),
    }
}

pub(crate) async fn plain(address: &str) -> Outcome {
    ways_in(address, "PLAIN").await?;
    let tokens: [(&str, &[u8]); 16] = [
        ("right", b"\0alice\0alice-secret"),
        ("right, with an id", b"alice\0alice\0alice-secret"),
        ("another id", b"bob\0alice\0alice-secret"),
        ("another id and a wrong password", b"bob\0alice\0wrong"),
        ("wrong password", b"\0alice\0wrong"),
        ("password in capitals", b"\0alice\0ALICE-SECRET"),
        ("a longer password", b"\0alice\0alice-secret "),
        ("nobody", b"\0nobody\0alice-secret"),
        ("no name", b"\0\0alice-secret"),
        ("no password", b"\0alice\0"),
        ("nothing", b""),
        ("one part", b"alice"),
        ("two parts", b"alice\0alice-secret"),
        ("four parts", b"\0alice\0alice-secret\0"),
        ("many parts", b"\0alice\0alice-secret\0\0\0\0"),
        ("no UTF-8", b"\0alice\0\xff\xfe"),
    ];
    for (name, token) in tokens {
        let mut client = Client::at(address).await?;
        shake_hands(&mut client, "PLAIN").await?;
        let response = send_token(&mut client, token).await;
        told(name, client, response).await;
    }
    for version in 0..=2 {
        let mut client = Client::at(address).await?;
        shake_hands(&mut client, "PLAIN").await?;
        let auth_bytes = Bytes::from_static(b"\0alice\0alice-secret");
        let request = SaslAuthenticateRequest { auth_bytes, ..Default::default() };
        let response = client.call(&request, version).await;
        told(&format!("SaslAuthenticate {version}"), client, response).await;
    }
    for (name, token) in [("bare", "\0alice\0alice-secret"), ("bare, wrong", "\0alice\0wrong")] {
        let mut client = Client::at(address).await?;
        hands(name, &mut client, "PLAIN", 0).await;
        client.send_bytes(&(token.len() as u32).to_be_bytes()).await?;
        client.send_bytes(token.as_bytes()).await?;
        let frame = client.frame().await.map(|frame| frame.len());
        println!("{name}: {:?} served {}", frame.ok(), is_served(&mut client).await);
    }
    Ok(())
}

/// What may be sent, and when.
async fn ways_in(address: &str, mechanism: &str) -> Outcome {
    let mut client = Client::at(address).await?;
    println!("metadata first: served {}", is_served(&mut client).await);

    let mut client = Client::at(address).await?;
    let request = InitProducerIdRequest::default();
    println!("a producer's id first: {}", client.call(&request, 4).await.is_ok());

    let mut client = Client::at(address).await?;
    println!("a token first: {}", send_token(&mut client, *b"\0a\0b").await.is_ok());

    let mut client = Client::at(address).await?;
    println!("versions: {}", client.call(&versions(), 3).await.is_ok());
    println!("versions twice: {}", client.call(&versions(), 3).await.is_ok());

    let mut client = Client::at(address).await?;
    println!("versions: {}", client.call(&versions(), 3).await.is_ok());
    println!("then metadata: served {}", is_served(&mut client).await);

    let mut client = Client::at(address).await?;
    let nameless = ApiVersionsRequest::default();
    let code = client.call(&nameless, 3).await.map(|said| said.error_code);
    println!("versions for nobody: {:?}", code.ok());
    println!("and again: {}", client.call(&versions(), 3).await.is_ok());

    for version in 0..=1 {
        for wanted in ["", "plain", "GSSAPI", "SCRAM-SHA-1", mechanism] {
            let mut client = Client::at(address).await?;
            let name = format!("SaslHandshake {version} for {wanted:?}");
            hands(&name, &mut client, wanted, version).await;
        }
    }
    let mut client = Client::at(address).await?;
    hands("an unknown mechanism", &mut client, "X", 1).await;
    hands("then a known one", &mut client, mechanism, 1).await;

    let mut client = Client::at(address).await?;
    hands("a mechanism", &mut client, mechanism, 1).await;
    println!("then versions: {}", client.call(&versions(), 3).await.is_ok());

    let mut client = Client::at(address).await?;
    client.send_bytes(b"\0\0\0\x04\xff\xff\xff\xff").await?;
    println!("an API that there is not: {}", client.frame().await.is_ok());

    let mut client = Client::at(address).await?;
    client.send_bytes(&(600_u32 << 10).to_be_bytes()).await?;
    client.send_bytes(&[0; 600 << 10]).await.ok();
    println!("a large frame: {}", client.frame().await.is_ok());
    Ok(())
}

pub(crate) async fn scram(address: &str) -> Outcome {
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        println!("{mechanism}");
        ways_in(address, mechanism).await?;
        firsts(address, mechanism).await?;
        lasts(address, mechanism).await?;
    }
    Ok(())
}

async fn firsts(address: &str, mechanism: &str) -> Outcome {
    let messages = [
        "n,,n=alice,r=abc",
        "n,a=alice,n=alice,r=abc",
        "n,a=bob,n=alice,r=abc",
        "n,a=,n=alice,r=abc",
        "n,alice,n=alice,r=abc",
        "y,,n=alice,r=abc",
        "p=tls-unique,,n=alice,r=abc",
        "n,,n=nobody,r=abc",
        "n,,n=,r=abc",
        "n,,n=alice,r=",
        "n,,n=alice,r=a c",
        "n,,n=alice",
        "n,,r=abc,n=alice",
        "n,,n=al=2Cice,r=abc",
        "n,,n=al=ice,r=abc",
        "n,,n=alice,r=abc,x=y",
        "n,,n=alice,r=abc,tokenauth=true",
        "n,,n=alice,r=abc,tokenauth=false",
        "n,,n=alice,r=abc,",
        "n,,n=alice,r=abc,x",
        "",
        "alice",
    ];
    for message in messages {
        let mut client = Client::at(address).await?;
        shake_hands(&mut client, mechanism).await?;
        let response = send_token(&mut client, message).await;
        match response {
            Ok(said) if !said.auth_bytes.is_empty() => {
                let text = String::from_utf8_lossy(&said.auth_bytes);
                let is_ours = text.starts_with("r=abc");
                println!(
                    "{message:?}: {:?} ours {is_ours} {}",
                    said.error_code,
                    text.split(',').count()
                );
            }
            response => told(&format!("{message:?}"), client, response).await,
        }
    }
    Ok(())
}

/// What a client makes of its right last message.
type Change = fn(&str) -> String;

async fn lasts(address: &str, mechanism: &str) -> Outcome {
    let changes: [(&str, Change); 12] = [
        ("right", |last| last.to_owned()),
        ("a nonce that is said twice", |last| last.to_owned()),
        ("another nonce", |last| last.replace(NONCE, "other")),
        ("the end of the nonce missing", |last| last.replacen(",p=", "x,p=", 1)),
        ("another channel", |last| last.replace("c=biws", &format!("c={}", base64(b"y,,")))),
        ("no channel", |last| last.replace("c=biws,", "")),
        ("a channel that is no Base64", |last| last.replace("c=biws", "c=*")),
        ("another proof", |last| last.replace("p=", "p=AAAA")),
        ("a proof that is no Base64", |last| last.replace("p=", "p=*")),
        ("no proof", |last| last.split(",p=").next().unwrap_or_default().to_owned()),
        ("an empty proof", |last| format!("{},p=", last.split(",p=").next().unwrap_or_default())),
        ("nothing", |_| String::new()),
    ];
    for (name, change) in changes {
        let twice = name == "a nonce that is said twice";
        let (last, client) = exchange_until_last(address, mechanism, "alice-secret", twice).await?;
        let mut client = client;
        let response = send_token(&mut client, change(&last)).await;
        told(name, client, response).await;
    }
    let (last, mut client) = exchange_until_last(address, mechanism, "wrong", false).await?;
    let response = send_token(&mut client, last).await;
    told("wrong password", client, response).await;
    Ok(())
}

async fn exchange_until_last(
    address: &str,
    mechanism: &str,
    password: &str,
    twice: bool,
) -> Result<(String, Client), Box<dyn Error>> {
    let mut client = Client::at(address).await?;
    shake_hands(&mut client, mechanism).await?;
    let bare = format!("n=alice,r={NONCE}");
    let first = send_token(&mut client, format!("n,,{bare}")).await?;
    let challenge = String::from_utf8(first.auth_bytes.to_vec())?;
    let prefix = if twice { NONCE } else { "" };
    let (last, _) = answer(mechanism, &bare, &challenge, password, prefix)?;
    Ok((last, client))
}
