//! Stages 2 to 6: from the bootstrap servers' names to connections that take requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rohrpost_cluster::{AuthenticationError, HostPort, TroubleKind};
use rohrpost_driver as driver;
use rohrpost_driver::probe::{self, Conversation, Line, ProbeError};

use super::report::Finding;
use super::{Case, Check, Findings, Stage, Status, explain, software};
use crate::config::DnsLookup;

/// A broker that takes requests.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) label: String,
    pub(super) conversation: Conversation,
}

/// One address of one bootstrap server.
#[derive(Clone, Debug)]
struct Way {
    server: HostPort,
    address: SocketAddr,
    label: String,
}

/// Those of the bootstrap servers' addresses that take requests; `None` if none does.
pub(super) async fn find(case: &Arc<Case>, findings: &mut Findings) -> Option<Vec<Ready>> {
    let ways = resolve(case, findings).await;
    let lines = connect(case, ways, findings).await;
    let lines = secure(case, lines, findings).await;
    let conversations = negotiate(case, lines, findings).await;
    let ready = authenticate(case, conversations, findings).await;
    (!ready.is_empty()).then_some(ready)
}

/// Every address of a server.
pub(super) async fn look_up(case: &Case, server: &HostPort) -> Result<Vec<SocketAddr>, Finding> {
    if let Some(ip) = server.ip() {
        return Ok(vec![SocketAddr::new(ip, server.port())]);
    }
    let host = server.host();
    let found = probe::within(case.timeout, driver::look_up(host)).await;
    let family = case.driver.sockets.address_family;
    let spelling = format!("check the spelling of {host}, and what the DNS of this machine knows");
    match found {
        None => Err(Finding::new(
            format!("the resolver did not answer within {:?}", case.timeout),
            "check the DNS of this machine",
        )),
        Some(Err(error)) => {
            Err(Finding::new(format!("the name has no address ({error})"), spelling))
        }
        Some(Ok(addresses)) if addresses.is_empty() => {
            Err(Finding::new("the name has no address", spelling))
        }
        Some(Ok(addresses)) => {
            let port = server.port();
            let usable = addresses.iter().filter(|address| family.has(**address));
            let usable: Vec<_> = usable.map(|ip| SocketAddr::new(*ip, port)).collect();
            if usable.is_empty() {
                let detail = "the name has no address of the family that the configuration allows";
                return Err(Finding::new(detail, "allow the other family, or use another name"));
            }
            Ok(usable)
        }
    }
}

/// The name of one address of a server.
pub(super) fn label(server: &HostPort, address: SocketAddr) -> String {
    match server.ip() {
        Some(_) => server.to_string(),
        None => format!("{server} ({})", address.ip()),
    }
}

async fn resolve(case: &Arc<Case>, findings: &mut Findings) -> Vec<Way> {
    // That each can be read, the configuration's check has found.
    let servers = case.config.bootstrap_addresses().unwrap_or_default();
    let lookups = servers.into_iter().map(|server| {
        let case = case.clone();
        async move {
            let start = Instant::now();
            let found = ways(&case, &server).await;
            (server, found, start.elapsed())
        }
    });
    let mut all = Vec::new();
    for (server, found, elapsed) in probe::all(lookups.collect()).await {
        let check = match found {
            Err(finding) => Check::failed(server.to_string(), finding),
            Ok(ways) => {
                let addresses = ways.iter().map(|way| way.address.ip().to_string());
                let addresses = addresses.collect::<Vec<_>>().join(", ");
                let detail = match server.ip() {
                    Some(_) => "it is an address and needs no look-up".to_owned(),
                    None => format!("it has {addresses}"),
                };
                all.extend(ways);
                Check::ok(server.to_string(), detail).fact("addresses", addresses)
            }
        };
        findings.note(Stage::Resolve, check.after(elapsed));
    }
    all
}

/// The ways to a server, whose names are replaced by what they stand for, if that is wanted.
async fn ways(case: &Case, server: &HostPort) -> Result<Vec<Way>, Finding> {
    let mut names = vec![server.clone()];
    if case.config.dns_lookup == DnsLookup::ResolveCanonicalBootstrapServersOnly {
        let found = probe::within(case.timeout, driver::canonical_names(server.host())).await;
        if let Some(Ok(canonical)) =
            found.filter(|found| found.as_ref().is_ok_and(|of| !of.is_empty()))
        {
            names = canonical.into_iter().map(|name| HostPort::new(name, server.port())).collect();
        }
    }
    let mut ways = Vec::new();
    for server in names {
        for address in look_up(case, &server).await? {
            let label = label(&server, address);
            ways.push(Way { server: server.clone(), address, label });
        }
    }
    Ok(ways)
}

/// Connects to all. An address of a name that has another one that works is no failure: a producer goes on to the next.
async fn connect(case: &Arc<Case>, ways: Vec<Way>, findings: &mut Findings) -> Vec<(Way, Line)> {
    let connects = ways.into_iter().map(|way| {
        let case = case.clone();
        async move {
            let start = Instant::now();
            let line = Line::connect(way.address, &case.driver.sockets, case.timeout).await;
            (way, line, start.elapsed())
        }
    });
    let results = probe::all(connects.collect()).await;
    let reached: Vec<HostPort> = results
        .iter()
        .filter(|(_, line, _)| line.is_ok())
        .map(|(way, ..)| way.server.clone())
        .collect();
    let mut lines = Vec::new();
    for (way, line, elapsed) in results {
        let check = match line {
            Ok(line) => {
                let check = Check::ok(&way.label, "connected");
                lines.push((way, line));
                check
            }
            Err(error) => {
                let mut check = Check::failed(&way.label, explain::finding(&error, case));
                if reached.contains(&way.server) {
                    check.status = Status::Warning;
                    check.remedy = Some(
                        "another address of the same name works, and a producer goes on to it: let nothing have the name that does not listen"
                            .to_owned(),
                    );
                }
                check
            }
        };
        findings.note(Stage::Connect, check.after(elapsed));
    }
    lines
}

async fn secure(
    case: &Arc<Case>,
    lines: Vec<(Way, Line)>,
    findings: &mut Findings,
) -> Vec<(Way, Line)> {
    if !case.config.security.protocol.is_tls() {
        let protocol = case.config.security.protocol;
        let detail = format!("security.protocol={protocol} has no TLS");
        findings.note(Stage::Tls, Check::skipped("tls", detail));
        return lines;
    }
    let handshakes = lines.into_iter().map(|(way, line)| {
        let case = case.clone();
        async move {
            let start = Instant::now();
            let secured = encrypt(&case, line, &way.server, &way.label).await;
            (way, secured, start.elapsed())
        }
    });
    let mut secured = Vec::new();
    for (way, result, elapsed) in probe::all(handshakes.collect()).await {
        match result {
            Ok((line, checks)) => {
                for check in checks {
                    findings.note(Stage::Tls, check.after(elapsed));
                }
                secured.push((way, line));
            }
            Err(error) => {
                let check = explain::check(&way.label, &error, case);
                findings.note(Stage::Tls, check.after(elapsed));
            }
        }
    }
    secured
}

/// TLS, where it is used, and what there is to say of it.
pub(super) async fn encrypt(
    case: &Case,
    line: Line,
    server: &HostPort,
    label: &str,
) -> Result<(Line, Vec<Check>), ProbeError> {
    #[cfg(feature = "_tls")]
    if let Some(client) = &case.driver.sockets.tls {
        let (line, session) = line.secure(client, server.host(), case.timeout).await?;
        let checks = super::certificates::checks(label, &session, client.last_shown());
        return Ok((line, checks));
    }
    let _ = (case, server, label);
    Ok((line, Vec::new()))
}

/// Kafka's protocol on a connection.
pub(super) fn converse(case: &Case, line: Line, server: &HostPort) -> Conversation {
    line.converse(
        server.clone(),
        case.driver.engine.cluster.clone(),
        #[cfg(feature = "sasl")]
        case.driver.credentials.clone(),
    )
}

async fn negotiate(
    case: &Arc<Case>,
    lines: Vec<(Way, Line)>,
    findings: &mut Findings,
) -> Vec<Ready> {
    let negotiations = lines.into_iter().map(|(way, line)| {
        let case = case.clone();
        async move {
            let start = Instant::now();
            let mut conversation = converse(&case, line, &way.server);
            let negotiated = conversation.negotiate(case.timeout).await;
            (way, conversation, negotiated, start.elapsed())
        }
    });
    let mut ready = Vec::new();
    for (way, conversation, negotiated, elapsed) in probe::all(negotiations.collect()).await {
        let Way { label, .. } = way;
        if let Err(error) = negotiated {
            note_failure(Stage::ApiVersions, &label, &error, case, elapsed, findings);
            continue;
        }
        let check = software::check(&label, &conversation, case.config.security.protocol);
        let is_usable = check.status != Status::Failed;
        findings.note(Stage::ApiVersions, check.after(elapsed));
        if is_usable {
            ready.push(Ready { label, conversation });
        }
    }
    ready
}

/// What TLS is to blame for is a matter of its stage, whenever it came to light.
pub(super) fn note_failure(
    stage: Stage,
    label: &str,
    error: &ProbeError,
    case: &Case,
    elapsed: Duration,
    findings: &mut Findings,
) {
    let check = explain::check(label, error, case);
    let blamed = explain::stage_of(error, stage);
    findings.note(blamed, check.after(elapsed));
    if blamed != stage {
        findings.note(stage, Check::skipped(label, "not answered: the broker has ended TLS"));
    }
}

/// The first one alone: what one broker refuses, the others are not shown.
async fn authenticate(
    case: &Arc<Case>,
    conversations: Vec<Ready>,
    findings: &mut Findings,
) -> Vec<Ready> {
    if !case.config.security.protocol.is_sasl() {
        let protocol = case.config.security.protocol;
        let detail = format!("security.protocol={protocol} has no SASL");
        findings.note(Stage::Sasl, Check::skipped("sasl", detail));
        return conversations;
    }
    let mut ready = Vec::new();
    let mut rest = conversations.into_iter();
    while let Some(first) = rest.next() {
        let (first, result, elapsed) = login(case.clone(), first).await;
        let is_refused = matches!(
            result,
            Err(ProbeError::Trouble(TroubleKind::Authentication(
                AuthenticationError::Refused { .. } | AuthenticationError::Credentials(_)
            )))
        );
        let is_in = result.is_ok();
        note_login(case, first, result, elapsed, &mut ready, findings);
        if is_refused {
            for Ready { label, .. } in rest.by_ref() {
                let detail = "not tried: what one broker has refused is not shown to others";
                findings.note(Stage::Sasl, Check::skipped(label, detail));
            }
        }
        if is_in {
            break;
        }
    }
    let logins = rest.map(|other| login(case.clone(), other));
    for (other, result, elapsed) in probe::all(logins.collect()).await {
        note_login(case, other, result, elapsed, &mut ready, findings);
    }
    ready
}

async fn login(case: Arc<Case>, mut of: Ready) -> (Ready, Result<(), ProbeError>, Duration) {
    let start = Instant::now();
    let result = of.conversation.authenticate(case.timeout).await;
    (of, result, start.elapsed())
}

fn note_login(
    case: &Case,
    of: Ready,
    result: Result<(), ProbeError>,
    elapsed: Duration,
    ready: &mut Vec<Ready>,
    findings: &mut Findings,
) {
    let learned = of.conversation.learned();
    let mechanism = case.driver.engine.cluster.sasl_mechanism.as_deref().unwrap_or_default();
    let offered = learned.mechanisms.as_ref().map(|names| names.join(", "));
    let lifetime = learned.session_lifetime;
    match result {
        Ok(()) => {
            let mut check = Check::ok(&of.label, format!("authenticated by {mechanism}"))
                .fact("mechanism", mechanism);
            if let Some(offered) = offered {
                check = check.fact("offered", offered);
            }
            let lasts = lifetime.map_or("for ever".to_owned(), |time| format!("{time:?}"));
            findings.note(Stage::Sasl, check.fact("session_lifetime", lasts).after(elapsed));
            ready.push(of);
        }
        Err(error) => {
            let mut check = explain::check(&of.label, &error, case).fact("mechanism", mechanism);
            if let Some(offered) = offered {
                check = check.fact("offered", offered);
            }
            findings.note(explain::stage_of(&error, Stage::Sasl), check.after(elapsed));
        }
    }
}
