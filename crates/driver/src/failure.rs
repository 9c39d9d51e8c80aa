//! Why a record was not acknowledged, or not even taken.

use std::fmt;

use rohrpost_engine::{AdmissionError, DeliveryError, OverBudget, Refused, TransactionError};

/// Why a delivery failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The engine's verdict.
    Delivery(DeliveryError),
    /// The producer closed while the record was on its way in. It was not sent.
    Closed,
    /// The driver's task ended before the record's fate was known: its runtime was shut down, or it panicked. `sent` says
    /// whether the batch may have been sent.
    DriverGone {
        /// Whether the record's batch had been handed to the engine, and so may have been sent.
        sent: bool,
    },
}

/// Why a record was not taken. It is in no batch then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendFailure {
    /// Nothing was known of the topic or the partition in time, or the cluster refuses the topic.
    Admission(AdmissionError),
    /// No room came free in time.
    NoMemory {
        /// The bytes that were needed.
        bytes: usize,
    },
    /// It is larger than the whole memory.
    OverBudget(OverBudget),
    /// The record can never be appended.
    Refused(Refused),
    /// Partitions are numbered from 0.
    NegativePartition(i32),
    /// The program's own partitioner failed.
    Partitioner(PartitionerFault),
    /// There is no room, and the caller does not wait.
    WouldWaitForMemory,
    /// Nothing is known of the topic or the partition yet, and the caller does not wait.
    WouldWaitForMetadata,
    /// The producer is closed.
    Closed,
    /// The driver's task has ended: its runtime was shut down, or it panicked.
    DriverGone,
}

/// Why a transactional call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallFailure {
    /// The engine's answer.
    Transaction(TransactionError),
    /// The producer is closed, or closed before there was an answer.
    Closed,
    /// The driver's task has ended: its runtime was shut down, or it panicked.
    DriverGone,
}

/// What was wrong with a program's own partitioner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionerFault {
    /// It panicked. The panic was caught; the panic hook has shown its message.
    Panicked,
    /// It chose a partition that the topic does not have.
    NoSuchPartition {
        /// The choice.
        partition: u32,
        /// How many partitions it was told of.
        count: u32,
    },
}

impl fmt::Display for PartitionerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked => f.write_str("the partitioner panicked"),
            Self::NoSuchPartition { partition, count } => {
                write!(f, "the partitioner chose partition {partition} of {count}")
            }
        }
    }
}
