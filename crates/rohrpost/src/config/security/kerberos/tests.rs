use std::time::Duration;

use crate::ProducerConfig;

const MODULE: &str = "com.sun.security.auth.module.Krb5LoginModule required";

/// What is said of a client with this login module and these properties; nothing if all is well.
fn said(options: &str, properties: &[(&str, &str)]) -> String {
    let jaas = format!("{MODULE} {options};");
    let all = [
        ("bootstrap.servers", "a:1"),
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "GSSAPI"),
        ("sasl.jaas.config", &jaas),
    ];
    let config = ProducerConfig::from_java(all.iter().chain(properties).copied());
    match config.map(|config| config.validate()) {
        Ok(Ok(())) => String::new(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

const KEYTAB: &str = "useKeyTab=true keyTab='/a.keytab' principal='alice@R'";
const SERVICE: (&str, &str) = ("sasl.kerberos.service.name", "kafka");

#[test]
fn java_s_login_module_is_taken_as_java_takes_it() {
    for options in [
        KEYTAB,
        "useKeyTab=TRUE keyTab='FILE:/a.keytab' principal=alice storeKey=true doNotPrompt=true",
        "useTicketCache=true",
        "useTicketCache=true ticketCache='/a' principal='alice@R' renewTGT=false debug=true",
        "useTicketCache=true isInitiator=true refreshKrb5Config=true useKeyTab=false",
    ] {
        assert_eq!(said(options, &[SERVICE]), "", "{options}");
        assert_eq!(said(&format!("{options} serviceName=kafka"), &[]), "", "{options}");
        assert_eq!(said(&format!("{options} serviceName=kafka"), &[SERVICE]), "", "{options}");
    }
    let defaults = [
        SERVICE,
        ("sasl.kerberos.kinit.cmd", "/usr/bin/kinit"),
        ("sasl.kerberos.min.time.before.relogin", "60000"),
        ("sasl.kerberos.ticket.renew.jitter", "0.05"),
        ("sasl.kerberos.ticket.renew.window.factor", "0.8"),
    ];
    assert_eq!(said(KEYTAB, &defaults), "");
}

#[test]
fn what_lacks_contradicts_or_would_do_nothing_is_named() {
    for (options, expected) in [
        ("", "the option useKeyTab in sasl.jaas.config is not set"),
        ("useKeyTab=false", "the option useKeyTab in sasl.jaas.config is not set"),
        ("useKeyTab=true principal=a", "the option keyTab in sasl.jaas.config is not set"),
        ("useKeyTab=true keyTab='/a'", "the option principal in sasl.jaas.config is not set"),
        (
            "keyTab='/a' principal=a",
            "the option keyTab in sasl.jaas.config and the option useKeyTab",
        ),
        (
            "ticketCache='/a'",
            "the option ticketCache in sasl.jaas.config and the option useTicketCache",
        ),
        (
            "useTicketCache=true useKeyTab=true keyTab='/a' principal=a",
            "the option useKeyTab in sasl.jaas.config and the option useTicketCache",
        ),
        (
            "useTicketCache=true renewTGT=true",
            "SASL cannot be set up: sasl.jaas.config: whoever keeps",
        ),
        (
            "useTicketCache=true isInitiator=false",
            "SASL cannot be set up: sasl.jaas.config: a client",
        ),
        (
            "useTicketCache=true usekeytab=true",
            "SASL cannot be set up: sasl.jaas.config: nothing here knows the option usekeytab",
        ),
        ("useTicketCache=true principal='a@'", "SASL cannot be set up: \"a@\" is no principal"),
        (
            "useTicketCache=true serviceName=http",
            "sasl.kerberos.service.name and the option serviceName",
        ),
    ] {
        let said = said(options, &[SERVICE]);
        assert!(said.starts_with(expected), "{options}: {said}");
    }
    let missing = said(KEYTAB, &[]);
    assert!(missing.starts_with("sasl.kerberos.service.name is not set"), "{missing}");
    for (name, value) in [
        ("sasl.kerberos.kinit.cmd", "/opt/kinit"),
        ("sasl.kerberos.ticket.renew.jitter", "2"),
        ("sasl.kerberos.ticket.renew.window.factor", "NaN"),
        ("sasl.kerberos.min.time.before.relogin", "-1"),
        ("sasl.kerberos.service.name", "kafka/host"),
    ] {
        assert_ne!(said(KEYTAB, &[SERVICE, (name, value)]), "", "{name}={value}");
    }
}

#[test]
fn when_tickets_are_replaced() {
    let refresh = |name: &str, value: &str| {
        let config = ProducerConfig::from_java([(name, value)]).unwrap();
        config.security.sasl.kerberos.refresh()
    };
    for part in [0.25, 0.75] {
        let text = part.to_string();
        let factor = refresh("sasl.kerberos.ticket.renew.window.factor", &text).window_factor;
        let jitter = refresh("sasl.kerberos.ticket.renew.jitter", &text).window_jitter;
        assert_eq!((factor, jitter), (part, part));
    }
    for seconds in [7, 90] {
        let text = format!("{seconds}000");
        let all = refresh("sasl.kerberos.min.time.before.relogin", &text);
        assert_eq!(all.min_period, Duration::from_secs(seconds));
        // No property sets this one, and the default is that of tokens.
        assert_eq!(all.buffer, Duration::ZERO);
    }
}

#[test]
fn librdkafka_s_defaults_are_a_ticket_cache_and_kafka() {
    let said = |properties: &[(&str, &str)]| {
        let all = [("bootstrap.servers", "a:1"), ("security.protocol", "sasl_plaintext")];
        let config = ProducerConfig::from_librdkafka(all.iter().chain(properties).copied());
        let sasl = config.unwrap().security.authentication(crate::Dialect::Librdkafka, false);
        sasl.map(|sasl| sasl.unwrap().shown()).map_err(|error| error.to_string())
    };
    let cache = said(&[]).unwrap();
    assert!(
        cache.contains("TicketCache { principal: None") && cache.contains("\"kafka\""),
        "{cache}"
    );
    let keytab = said(&[("sasl.kerberos.keytab", "/a")]).unwrap();
    assert!(keytab.contains("Keytab { principal: \"kafkaclient\""), "{keytab}");
    let named = said(&[("sasl.kerberos.principal", "bob@R"), ("sasl.kerberos.service.name", "k")]);
    let named = named.unwrap();
    assert!(named.contains("principal: Some(\"bob@R\")") && named.contains("\"k\""), "{named}");
}
