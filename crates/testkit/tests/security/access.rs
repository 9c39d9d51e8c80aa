//! What one user may and another may not.

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::InitProducerIdRequest;
use rohrpost_testkit::{Cluster, Permission, Sasl, SaslMechanism};

use crate::client::{Client, Outcome, batch};
use crate::exchange::plain;

#[tokio::test]
async fn a_user_is_refused_what_another_may_do() -> Outcome {
    let sasl =
        Sasl::new([SaslMechanism::Plain]).user("alice", "alice-secret").user("bob", "bob-secret");
    let cluster = Cluster::builder().brokers(1).sasl(sasl).start().await?;
    cluster.create_topic("orders", 1)?;
    cluster.create_topic("payments", 1)?;
    let write = Permission::WriteTopic("orders".into());
    cluster.deny_to("bob", write.clone());
    cluster.deny_to("bob", Permission::IdempotentWrite);

    let none = ErrorCode::NONE;
    let (topic, all) =
        (ErrorCode::TOPIC_AUTHORIZATION_FAILED, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    for (user, orders, producer_id) in [("alice", none, none), ("bob", topic, all)] {
        let mut client = Client::to(&cluster, 1).await?;
        plain(&mut client, user, &format!("{user}-secret")).await?;
        let answer = client.produce("orders", 0, 1, batch(&["x"])).await?;
        assert_eq!(answer.error_code, orders, "{user}");
        let answer = client.produce("payments", 0, 1, batch(&["x"])).await?;
        assert_eq!(answer.error_code, none, "{user}");
        let request = InitProducerIdRequest {
            transactional_id: None,
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        };
        assert_eq!(client.call(&request, 4).await?.error_code, producer_id, "{user}");
        if user == "bob" {
            cluster.allow_to("bob", &write);
            let answer = client.produce("orders", 0, 1, batch(&["x"])).await?;
            assert_eq!(answer.error_code, none, "bob may now");
        }
    }
    Ok(())
}
