//! Runs a broker that wants TLS and SASL, for whatever client you have, until standard input ends; then prints what it counted.
//!
//! `cargo run -p rohrpost-testkit --features sasl,tls --example secured -- FOLDER`: the folder gets what a client needs, in PEM and
//! as properties for Kafka's tools and librdkafka. `plain`, `scram-256`, `scram-512` or `oauth` behind it enable a mechanism, the last
//! of them for that client, `no-tls` leaves TLS out, `mtls` wants a client's certificate, `reauth=2000` ends sessions after that many milliseconds.

use std::error::Error;
use std::fs::{create_dir_all, write};
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rohrpost_testkit::{ClientAuth, Cluster, Sasl, SaslMechanism, Tls};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("which folder?")?);
    create_dir_all(&folder)?;
    let mut mechanisms = Vec::new();
    let (mut has_tls, mut client_auth, mut lifetime) = (true, ClientAuth::None, None);
    for argument in arguments {
        match argument.as_str() {
            "plain" => mechanisms.push(SaslMechanism::Plain),
            "scram-256" => mechanisms.push(SaslMechanism::ScramSha256),
            "scram-512" => mechanisms.push(SaslMechanism::ScramSha512),
            "oauth" => mechanisms.push(SaslMechanism::OAuthBearer),
            "no-tls" => has_tls = false,
            "mtls" => client_auth = ClientAuth::Required,
            other => {
                let milliseconds = other.strip_prefix("reauth=").ok_or("what is that?")?;
                lifetime = Some(Duration::from_millis(milliseconds.parse()?));
            }
        }
    }
    let mechanism = *mechanisms.last().unwrap_or(&SaslMechanism::ScramSha512);
    mechanisms.push(mechanism);
    mechanisms.dedup();
    let mut sasl = Sasl::new(mechanisms).user("alice", "alice-secret");
    if let Some(lifetime) = lifetime {
        sasl = sasl.max_reauth(lifetime);
    }
    let mut builder = Cluster::builder().brokers(1).auto_create_topics(true).sasl(sasl);
    if has_tls {
        builder = builder.tls(Tls::new().client_auth(client_auth));
    }
    let cluster = builder.start_blocking()?;
    let alice = cluster.client_certificate("alice")?;
    write(folder.join("ca.pem"), cluster.ca_pem())?;
    write(folder.join("client.pem"), alice.certificate_pem())?;
    write(folder.join("client.key"), alice.key_pem())?;
    write(folder.join("client-all.pem"), [alice.key_pem(), alice.certificate_pem()].concat())?;
    write(folder.join("java.properties"), java(&folder, mechanism, has_tls))?;
    write(folder.join("librdkafka.properties"), librdkafka(&folder, mechanism, has_tls))?;
    println!("{}", cluster.bootstrap_servers());
    stdin().read_to_end(&mut Vec::new())?;
    println!("{:#?}", cluster.stats());
    Ok(())
}

fn protocol(has_tls: bool) -> &'static str {
    if has_tls { "SASL_SSL" } else { "SASL_PLAINTEXT" }
}

fn java(folder: &Path, mechanism: SaslMechanism, has_tls: bool) -> String {
    let module = match mechanism {
        SaslMechanism::Plain => "plain.PlainLoginModule",
        SaslMechanism::OAuthBearer => "oauthbearer.OAuthBearerLoginModule",
        _ => "scram.ScramLoginModule",
    };
    let who = match mechanism {
        SaslMechanism::OAuthBearer => "unsecuredLoginStringClaim_sub=\"alice\"",
        _ => "username=\"alice\" password=\"alice-secret\"",
    };
    let folder = folder.display();
    format!(
        "security.protocol={}\nsasl.mechanism={mechanism}\n\
         sasl.jaas.config=org.apache.kafka.common.security.{module} required {who};\n\
         ssl.truststore.type=PEM\nssl.truststore.location={folder}/ca.pem\n\
         ssl.keystore.type=PEM\nssl.keystore.location={folder}/client-all.pem\n",
        protocol(has_tls)
    )
}

fn librdkafka(folder: &Path, mechanism: SaslMechanism, has_tls: bool) -> String {
    let folder = folder.display();
    let who = match mechanism {
        SaslMechanism::OAuthBearer => {
            "enable.sasl.oauthbearer.unsecure.jwt=true\nsasl.oauthbearer.config=principal=alice"
        }
        _ => "sasl.username=alice\nsasl.password=alice-secret",
    };
    format!(
        "security.protocol={}\nsasl.mechanism={mechanism}\n{who}\nssl.ca.location={folder}/ca.pem\n\
         ssl.certificate.location={folder}/client.pem\nssl.key.location={folder}/client.key\n",
        protocol(has_tls)
    )
}
