//! DescribeConfigs: what topics are configured to, as far as the model goes.

use rohrpost_codec::messages::DescribeConfigsRequest;
use rohrpost_codec::messages::describe_configs_request::DescribeConfigsResource;
use rohrpost_codec::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResponse, DescribeConfigsResult,
};
use rohrpost_codec::{ByteStr, ErrorCode};

use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::topic::Setting;
use crate::model::{BrokerId, Model};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Where a value is from: the topic, or the default (`DescribeConfigsResponse.ConfigSource`).
const TOPIC_CONFIG: i8 = 1;
const DEFAULT_CONFIG: i8 = 5;

impl Serve for DescribeConfigsRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        let topics = self.resources.iter().filter(|resource| resource.resource_type == TOPIC);
        let target = |name: &ByteStr| Target { topic: name.to_string(), partition: None };
        topics.map(|resource| target(&resource.resource_name)).collect()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<DescribeConfigsResponse> {
        let results = self.resources.iter().map(|resource| {
            let name = resource.resource_name.as_str();
            let faulted = call.verdict.refusal_of(Some(name));
            let described = match faulted.or_else(|| call.verdict.disguise_of(Some(name))) {
                Some(code) => Err(code),
                None => describe(model, resource),
            };
            DescribeConfigsResult {
                error_code: described.as_ref().err().copied().unwrap_or_default(),
                error_message: None,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
                configs: described.unwrap_or_default(),
                ..DescribeConfigsResult::default()
            }
        });
        Reply::With(DescribeConfigsResponse {
            results: results.collect(),
            throttle_time_ms: call.verdict.throttle_ms(),
            ..DescribeConfigsResponse::default()
        })
    }
}

fn describe(
    model: &Model,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, ErrorCode> {
    let settings = match resource.resource_type {
        TOPIC => {
            let topic = model.topics.get(resource.resource_name.as_str());
            topic.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?.config.settings()
        }
        BROKER => {
            let id = resource.resource_name.parse().map(BrokerId);
            let broker = id.ok().and_then(|id| model.broker(id));
            // The model has no configuration for a broker by itself.
            broker.map(|_| Vec::new()).ok_or(ErrorCode::INVALID_REQUEST)?
        }
        _ => return Err(ErrorCode::INVALID_REQUEST),
    };
    let is_asked = |setting: &Setting| {
        let keys = resource.configuration_keys.as_ref();
        keys.is_none_or(|keys| keys.iter().any(|key| *key == setting.name))
    };
    let told = settings.into_iter().filter(is_asked).map(|setting| DescribeConfigsResourceResult {
        name: setting.name.into(),
        value: Some(setting.value.into()),
        config_source: if setting.is_default { DEFAULT_CONFIG } else { TOPIC_CONFIG },
        config_type: setting.kind as i8,
        documentation: None,
        ..DescribeConfigsResourceResult::default()
    });
    Ok(told.collect())
}
