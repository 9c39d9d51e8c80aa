//! The producer's link to the driver.

use std::task::{Context, Poll};
use std::time::Duration;

use crate::config::ProducerConfig;
use crate::delivery::Delivery;
use crate::error::{Error, ErrorKind};
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};

pub(crate) struct Inner {
    client_id: String,
}

#[derive(Default)]
pub(crate) struct Wait;

fn gone() -> Error {
    Error::new(ErrorKind::DriverGone, "the producer's task has ended: its runtime was shut down")
}

impl Inner {
    pub(crate) async fn start(config: ProducerConfig) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self { client_id: config.client_id.unwrap_or_default() })
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn try_send(&self, _: &ProducerRecord<'_>) -> Result<Delivery, Error> {
        Err(gone())
    }

    pub(crate) fn poll_send(
        &self,
        _: &mut Context<'_>,
        _: &ProducerRecord<'_>,
        _: &mut Wait,
    ) -> Poll<Result<Delivery, Error>> {
        Poll::Ready(Err(gone()))
    }

    pub(crate) async fn flush(&self) -> Result<(), Error> {
        Err(gone())
    }

    pub(crate) async fn close(&self, _: Duration) -> Result<(), Error> {
        Err(gone())
    }

    pub(crate) async fn partitions_for(&self, _: &str) -> Result<Vec<PartitionInfo>, Error> {
        Err(gone())
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats::default()
    }

    pub(crate) async fn why(&self, _: &str, _: i32) -> Option<String> {
        None
    }
}
