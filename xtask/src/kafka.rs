//! `cargo xtask kafka`: a command line over `harness::kafka`.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::Stdio;
use std::time::Instant;

use harness::kafka::{
    Cluster, Consume, DEFAULT_VERSION, KEY_PASSWORD, Keys, Mode, NodeStatus, STORE_PASSWORD, Spec,
    Topic,
};

use crate::Result;
use crate::args::Args;

const HELP: &str = "\
cargo xtask kafka COMMAND [--name NAME]

Real Apache Kafka clusters on 127.0.0.1, brought by Maven and run by Java 17 (or newer), their
data under target/kafka/. They run on until they are taken down. NAME is `default` if not given.

  up [--version V] [--brokers 1|3] [--security MODE[,MODE...]|all] [--config KEY=VALUE]...
                     start a cluster, or what is down of it; wait until it answers;
                     V is 3.3 or newer, or 2.8.x, beside which a ZooKeeper runs;
                     the last line is bootstrap.servers=HOST:PORT[,HOST:PORT...]
                     With --security, each MODE is a listener beside the plain one, and has a file
                     of the Java properties that get a client in (`rohrpost produce --config`):
                       ssl  mtls  sasl_plain  sasl_scram  sasl_ssl_plain  sasl_ssl_scram
                       oauth  sasl_ssl_oauth   (beside it runs a provider of tokens)
                       kerberos  sasl_ssl_kerberos   (beside it runs a KDC of MIT Kerberos)
                     and, to be refused for their certificates or suites, ssl_expired  ssl_early
                     ssl_wrong_host  ssl_common_name  ssl_self_signed  ssl_cbc.
                     Sessions end by --config connections.max.reauth.ms=MS
  down [--keep]      end it and remove its data; --keep shuts it down in order and keeps the data
  status             every cluster, its nodes and addresses

  topic create TOPIC [--partitions N] [--replication-factor R] [--config KEY=VALUE]...
  topic list
  topic describe TOPIC
  topic delete TOPIC

  consume --topic TOPIC [--partition N] [--committed] [--headers]
                     every record by Kafka's console consumer, as partition, offset, key and
                     value with tabs between them; with --headers a fifth field, NAME:VALUE by
                     commas, or NO_HEADERS
  dump-log --topic TOPIC --partition N [--node ID]
                     a partition's log by Kafka's own dumper
  tool CLASS [ARG]...
                     any Java class of the distribution; {servers} in an argument becomes the
                     cluster's address

  kill --node ID     SIGKILL a node            pause --node ID    SIGSTOP it
  start --node ID    start it again            resume --node ID   SIGCONT it
  stop --node ID     shut it down in order     log --node ID      print its log
";

pub(crate) fn run(args: &[String]) -> Result {
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", args),
    };
    let mut args = Args::new(rest);
    // Behind a Java class, `--help` asks that class.
    let asks_class = command == "tool" && rest.first().is_some_and(|word| !word.starts_with('-'));
    if !asks_class && args.help() {
        print!("{HELP}");
        return Ok(());
    }
    if command == "tool" {
        return tool(args);
    }
    let name = args.value("--name")?.unwrap_or_else(|| "default".to_owned());
    match command {
        "up" => up(&name, args),
        "down" => down(&name, args),
        "status" => status(args),
        "topic" => topic(&Cluster::open(&name)?, args),
        "consume" => consume(&Cluster::open(&name)?, args),
        "dump-log" => dump_log(&Cluster::open(&name)?, args),
        "kill" => on_node(&name, args, Cluster::kill),
        "start" => on_node(&name, args, Cluster::start_node),
        "stop" => on_node(&name, args, Cluster::stop),
        "pause" => on_node(&name, args, Cluster::pause),
        "resume" => on_node(&name, args, Cluster::resume),
        "log" => on_node(&name, args, |cluster, node| {
            show(std::fs::read(cluster.log_file(node)).unwrap_or_default());
            Ok(())
        }),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            Err(format!("no command `kafka {command}`; `cargo xtask kafka help` lists them").into())
        }
    }
}

fn up(name: &str, mut args: Args) -> Result {
    let version: Option<String> = args.value("--version")?;
    let brokers: Option<u32> = args.value("--brokers")?;
    let config = args.pairs("--config")?;
    let modes = modes(args.value::<String>("--security")?.as_deref())?;
    args.finish()?;
    // Without any word on what it is to be, a cluster that is there already is meant.
    let existing = Cluster::open(name).ok().map(|cluster| cluster.spec().clone());
    let spec = match existing {
        Some(spec)
            if version.is_none() && brokers.is_none() && config.is_empty() && modes.is_empty() =>
        {
            spec
        }
        _ => config.iter().fold(
            Spec::default()
                .version(version.as_deref().unwrap_or(DEFAULT_VERSION))
                .brokers(brokers.unwrap_or(1))
                .security(modes),
            |spec, (key, value)| spec.config(key, value),
        ),
    };
    let start = Instant::now();
    eprintln!("starting `{name}`: {spec}");
    let cluster = Cluster::up(name, &spec)?;
    eprintln!("up after {:.1} s", start.elapsed().as_secs_f64());
    let servers = show_security(&cluster)?;
    println!("bootstrap.servers={}", servers.unwrap_or_else(|| cluster.bootstrap_servers()));
    Ok(())
}

fn modes(names: Option<&str>) -> Result<Vec<Mode>> {
    match names {
        None => Ok(Vec::new()),
        Some("all") => Ok(Mode::all().to_vec()),
        Some(names) => names.split(',').map(|name| Ok(name.trim().parse()?)).collect(),
    }
}

/// Prints what gets a client in; gives the address of the only way in, if there is only one.
fn show_security(cluster: &Cluster) -> Result<Option<String>> {
    let modes: Vec<Mode> = cluster.spec().modes().collect();
    if modes.is_empty() {
        return Ok(None);
    }
    println!("keys and stores: {}", Keys::obtain()?.folder().display());
    println!(
        "  password of the stores {STORE_PASSWORD}, of keys in JKS and encrypted PEM {KEY_PASSWORD}"
    );
    if let Ok(kerberos) = cluster.kerberos() {
        println!("KRB5_CONFIG={}", kerberos.config.display());
        println!("  keys of {} {}", kerberos.principal, kerberos.keytab.display());
        println!("  a ticket {}", kerberos.ticket_cache.display());
    }
    if let Ok(url) = cluster.token_url("/token") {
        println!("tokens: {url}");
    }
    println!("plain, for Kafka's own tools: {}", cluster.bootstrap_servers());
    let mut servers = None;
    for &mode in &modes {
        println!("{mode}: {}", cluster.client_file(mode)?.display());
        if modes.len() == 1 {
            let properties = cluster.client_properties(mode)?;
            for (name, value) in properties.iter().filter(|(name, _)| *name != "bootstrap.servers")
            {
                println!("  {name}={value}");
            }
            servers = properties.get("bootstrap.servers").cloned();
        }
    }
    Ok(servers)
}

/// One cluster, by its name: another one may be somebody else's.
fn down(name: &str, mut args: Args) -> Result {
    let keep = args.flag("--keep");
    args.finish()?;
    if keep {
        Cluster::open(name)?.stop_all()?;
        println!("`{name}` is down; its data is kept");
    } else if Cluster::remove(name)? {
        println!("`{name}` is down and its data removed");
    } else {
        println!("there is no cluster `{name}`");
    }
    Ok(())
}

fn status(args: Args) -> Result {
    args.finish()?;
    let names = Cluster::names();
    if names.is_empty() {
        println!("no cluster");
    }
    for name in names {
        let Ok(cluster) = Cluster::open(&name) else {
            println!("{name}: what is left of a cluster; `down --name {name}` removes it");
            continue;
        };
        println!("{name}: {}", cluster.spec());
        for (node, status) in (1..).zip(cluster.statuses()?) {
            let status = match status {
                NodeStatus::Running(pid) => format!("running, process {pid}"),
                NodeStatus::Paused(pid) => format!("paused, process {pid}"),
                NodeStatus::Down => "down".to_owned(),
            };
            println!("  node {node}: {}, {status}", cluster.server(node));
        }
        println!("  bootstrap.servers={}", cluster.bootstrap_servers());
    }
    Ok(())
}

fn topic(cluster: &Cluster, mut args: Args) -> Result {
    match args.word("create, list, describe or delete")?.as_str() {
        "create" => {
            let mut topic = Topic::new(&args.word("the topic's name")?)
                .partitions(args.value("--partitions")?.unwrap_or(1));
            if let Some(replicas) = args.value("--replication-factor")? {
                topic = topic.replication_factor(replicas);
            }
            for (key, value) in args.pairs("--config")? {
                topic = topic.config(&key, &value);
            }
            args.finish()?;
            cluster.create_topic(&topic)?;
        }
        "list" => {
            args.finish()?;
            show(
                cluster
                    .topics()?
                    .iter()
                    .flat_map(|topic| [topic.as_str(), "\n"])
                    .collect::<String>(),
            );
        }
        "describe" => {
            let name = args.word("the topic's name")?;
            args.finish()?;
            show(cluster.describe_topic(&name)?);
        }
        "delete" => {
            let name = args.word("the topic's name")?;
            args.finish()?;
            cluster.delete_topic(&name)?;
        }
        other => return Err(format!("`topic {other}`: create, list, describe or delete").into()),
    }
    Ok(())
}

fn consume(cluster: &Cluster, mut args: Args) -> Result {
    let mut what = Consume::topic(&args.required::<String>("--topic")?);
    if let Some(partition) = args.value("--partition")? {
        what = what.partition(partition);
    }
    if args.flag("--committed") {
        what = what.committed_only().silence_ms(8_000);
    }
    let headers = args.flag("--headers");
    args.finish()?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    let count = cluster.consume_while(&what, |record| {
        let mut line = format!("{}\t{}\t", record.partition, record.offset).into_bytes();
        line.extend_from_slice(record.key.unwrap_or(b"(null)"));
        line.push(b'\t');
        line.extend_from_slice(record.value.unwrap_or(b"(null)"));
        if headers {
            line.push(b'\t');
            line.extend_from_slice(record.headers);
        }
        line.push(b'\n');
        written = out.write_all(&line);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    match written.and_then(|()| out.flush()) {
        // `| head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        result => result?,
    }
    eprintln!("{count} records");
    Ok(())
}

fn dump_log(cluster: &Cluster, mut args: Args) -> Result {
    let topic: String = args.required("--topic")?;
    let partition = args.required("--partition")?;
    let node: Option<u32> = args.value("--node")?;
    args.finish()?;
    show(cluster.dump_log(&topic, partition, node.unwrap_or(1))?);
    Ok(())
}

fn tool(mut args: Args) -> Result {
    let name = args.value("--name")?.unwrap_or_else(|| "default".to_owned());
    let cluster = Cluster::open(&name)?;
    let class = args.word("the Java class")?;
    let servers = cluster.bootstrap_servers();
    let status = cluster
        .tool_command(&class, &[])?
        .args(args.remaining().iter().map(|arg| arg.replace("{servers}", &servers)))
        .stdin(Stdio::inherit())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("{class} failed: {status}").into()) }
}

fn on_node(
    name: &str,
    mut args: Args,
    action: impl Fn(&Cluster, u32) -> std::result::Result<(), harness::kafka::Error>,
) -> Result {
    let node = args.required("--node")?;
    args.finish()?;
    Ok(action(&Cluster::open(name)?, node)?)
}

/// Prints what may be long: whoever reads it may have seen enough before its end.
fn show(text: impl AsRef<[u8]>) {
    let _ = io::stdout().write_all(text.as_ref());
}
