//! What topics are configured to, and how they grow.

use rohrpost_codec::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use rohrpost_codec::messages::describe_configs_request::DescribeConfigsResource;
use rohrpost_codec::messages::{CreatePartitionsRequest, DescribeConfigsRequest};

use crate::client::{Client, Outcome};

/// What marks a value that the topic itself has.
const TOPIC_CONFIG: i8 = 1;

/// What the testkit has configurations for.
const KEYS: [&str; 5] = [
    "cleanup.policy",
    "max.message.bytes",
    "message.timestamp.type",
    "min.insync.replicas",
    "retention.bytes",
];

pub(crate) async fn ask(client: &mut Client, prefix: &str) -> Outcome {
    for topic in ["plain", "small", "compact", "stamped", "nowhere"] {
        describe(client, topic, 2, &format!("{prefix}-{topic}")).await?;
    }
    for (what, kind, name) in [("a broker that is none", 4, "77"), ("no kind", 99, "x")] {
        describe(client, what, kind, name).await?;
    }
    let plain = format!("{prefix}-plain");
    for (what, topic, count, brokers) in [
        ("as many", &*plain, 2, None),
        ("fewer", &*plain, 1, None),
        ("more", &*plain, 3, None),
        ("more than are assigned", &*plain, 4, Some([1].into())),
        ("a broker that is none", &*plain, 3, Some([77].into())),
        ("one broker twice", &*plain, 3, Some([1, 1].into())),
        ("an assigned one", &*plain, 3, Some([1].into())),
        ("unknown", "interrogate-nowhere", 3, None),
    ] {
        let assign =
            |broker_ids| vec![CreatePartitionsAssignment { broker_ids, ..Default::default() }];
        let topic = CreatePartitionsTopic {
            name: topic.to_owned().into(),
            count,
            assignments: brokers.map(assign),
            ..Default::default()
        };
        let request = CreatePartitionsRequest {
            topics: vec![topic],
            timeout_ms: 5000,
            validate_only: true,
            ..Default::default()
        };
        let answer = client.call(&request, 3).await?;
        println!("CreatePartitions, {what}: {:?}", answer.results[0].error_code);
    }
    Ok(())
}

async fn describe(client: &mut Client, what: &str, resource_type: i8, name: &str) -> Outcome {
    let resource = DescribeConfigsResource {
        resource_type,
        resource_name: name.to_owned().into(),
        configuration_keys: Some(KEYS.map(Into::into).into()),
        ..Default::default()
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    for version in 1..=4 {
        let answer = client.call(&request, version).await?;
        let result = &answer.results[0];
        println!("DescribeConfigs {version}, {what}: {:?}", result.error_code);
        let mut configs = result.configs.clone();
        configs.sort_by(|a, b| a.name.cmp(&b.name));
        for config in configs {
            // Defaults come from one place or another, as brokers are configured.
            let is_set = config.config_source == TOPIC_CONFIG;
            println!(
                "  {} = {:?} set {is_set} type {} {} {}",
                config.name,
                config.value.as_deref(),
                config.config_type,
                config.read_only,
                config.is_sensitive,
            );
        }
    }
    Ok(())
}
