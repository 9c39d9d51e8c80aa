//! Serializes and deserializes the same records with rohrpost-schema-registry, schema_registry_converter and Confluent's client for Python, in turns, and prints
//! medians and ratios as a table in Markdown. Arguments: how many rounds, what the names of the cells must contain, and a folder with Python's packages; without one, Python is
//! left out.

mod cell;
mod converter;
mod load;
mod meter;
mod ours;
mod python;

use rohrpost_schema_registry::{Schema, SchemaRegistry, TestRegistry};

use crate::cell::{Cell, Form};
use crate::converter::Converter;
use crate::load::Load;
use crate::ours::Ours;
use crate::python::Python;

/// Nanoseconds, or allocations, of ours, the converter and Python: a number for each round.
type Costs = [Vec<f64>; 3];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map_or(21, |rounds| rounds.parse().expect("a number of rounds"));
    let cells = arguments.next().unwrap_or_default();
    let packages = arguments.next();

    let url = serve();
    let registry = SchemaRegistry::new(&url).expect("a client");
    let protobuf = register(&registry).await;
    let load = Load::new();
    let ours = Ours::new(&registry, &load, protobuf);
    let converter = Converter::new(&url, &load);
    let made = same_bytes(&ours, &converter).await;
    let mut python = packages.map(|packages| Python::start(&packages, &url, &load, &made));

    let unit = if cfg!(feature = "allocations") { "allocations" } else { "ns" };
    println!(
        "| {unit} a record | rohrpost | schema_registry_converter | confluent-kafka | to the converter | to Python |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for cell in Cell::ALL.into_iter().filter(|cell| cell.to_string().contains(&cells)) {
        let mut costs = Costs::default();
        for _ in 0..rounds {
            round(cell, &ours, &converter, python.as_mut(), &made, &mut costs).await;
        }
        println!("{}", row(cell, costs));
    }
}

/// Starts a registry, in a thread beside the one that measures.
fn serve() -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let server = TestRegistry::start().await.expect("a registry");
            sender.send(server.url()).expect("who waits for it");
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().expect("a registry")
}

/// All three have these schemas; who registers them is no matter.
async fn register(registry: &SchemaRegistry) -> rohrpost_schema_registry::SchemaId {
    let mut protobuf = None;
    for (form, schema) in [
        (Form::Avro, Schema::avro(load::AVRO)),
        (Form::Protobuf, Schema::protobuf(load::PROTOBUF)),
        (Form::Json, Schema::json(load::JSON)),
    ] {
        let subject = format!("{}-value", form.topic());
        let registered = registry.register(&subject, &schema, false).await.expect("a registry");
        if form == Form::Protobuf {
            protobuf = registered.id;
        }
    }
    protobuf.expect("a number")
}

/// What ours and the converter make of the order: the same.
async fn same_bytes(ours: &Ours<'_>, converter: &Converter<'_>) -> Vec<(Form, Vec<u8>)> {
    let mut made = Vec::new();
    for cell in Cell::ALL {
        let Cell::Write(form) = cell else { continue };
        let Some((_, bytes)) = ours.write(form).await else { continue };
        assert!(ours.knows(form, &bytes).await, "{cell}: not what was serialized");
        if let Some((_, theirs)) = converter.write(form).await {
            // The order of a map's entries in apache_avro's `Value` is chance, in serde_json's that of the names.
            let is_same = if matches!(form, Form::AvroValue | Form::Json) {
                bytes.len() == theirs.len() && ours.knows(form, &theirs).await
            } else {
                bytes == theirs
            };
            assert!(is_same, "{cell}: {} and {}", bytes.escape_ascii(), theirs.escape_ascii());
        }
        made.push((form, bytes));
    }
    made
}

async fn round(
    cell: Cell,
    ours: &Ours<'_>,
    converter: &Converter<'_>,
    python: Option<&mut Python>,
    made: &[(Form, Vec<u8>)],
    [of_ours, of_theirs, of_python]: &mut Costs,
) {
    match cell {
        Cell::Write(form) => {
            of_ours.extend(ours.write(form).await.map(|(cost, _)| cost));
            of_theirs.extend(converter.write(form).await.map(|(cost, _)| cost));
        }
        Cell::Read(form) => {
            let bytes = made.iter().find(|(known, _)| known.topic() == form.topic());
            let bytes = bytes.map_or(&[][..], |(_, bytes)| bytes);
            of_ours.push(ours.read(form, bytes).await);
            of_theirs.push(converter.read(form, bytes).await);
        }
    }
    let Some((cost, bytes)) = python.and_then(|python| python.cost(cell)) else { return };
    if let Cell::Write(form) = cell {
        assert!(ours.knows(form, &bytes).await, "{cell}: {} of Python's", bytes.escape_ascii());
    }
    of_python.push(cost);
}

fn row(cell: Cell, costs: Costs) -> String {
    let [ours, theirs, python] = costs.map(median);
    let number = |number: Option<f64>| number.map_or("–".to_owned(), |it| format!("{it:.0}"));
    let ratio = |other: Option<f64>| match (ours, other) {
        (Some(ours), Some(other)) if other > 0.0 => format!("{:.2}", ours / other),
        _ => "–".to_owned(),
    };
    format!(
        "| {cell} | {} | {} | {} | {} | {} |",
        number(ours),
        number(theirs),
        number(python),
        ratio(theirs),
        ratio(python)
    )
}

fn median(mut costs: Vec<f64>) -> Option<f64> {
    costs.sort_by(f64::total_cmp);
    costs.get(costs.len() / 2).copied()
}
