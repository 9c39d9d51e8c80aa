//! What becomes of partitions: who leads them, who follows, what is forgotten.

use crate::model::{BrokerId, Model, Partition, TopicError};

impl Model {
    /// Makes a replica in sync the leader. What it lacks of the old leader's log is lost. An old leader that is isolated does not hear
    /// of it until it is healed.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not, and for a broker that is not in sync or not here.
    pub fn move_leader(
        &mut self,
        topic: &str,
        partition: i32,
        to: impl Into<BrokerId>,
    ) -> Result<(), TopicError> {
        let to = to.into();
        let found = self.checked_partition(topic, partition)?;
        if !found.isr.contains(&to) {
            return Err(TopicError::NotInSync(to));
        }
        self.lead(topic, partition, to)
    }

    /// Makes a replica the leader that need not be in sync (`unclean.leader.election.enable`): what it lacks is lost, acknowledged or
    /// not.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not, and for a broker that has no replica or is not here.
    pub fn elect_unclean(
        &mut self,
        topic: &str,
        partition: i32,
        to: impl Into<BrokerId>,
    ) -> Result<(), TopicError> {
        let to = to.into();
        let found = self.checked_partition(topic, partition)?;
        if !found.replicas.contains(&to) {
            return Err(TopicError::NotInSync(to));
        }
        self.lead(topic, partition, to)
    }

    /// Takes the leader away and elects none until [`Model::release_election`]: what a long election looks like.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn hold_election(&mut self, topic: &str, partition: i32) -> Result<(), TopicError> {
        let now = self.elapsed;
        self.checked_partition(topic, partition)?.hold_election(now);
        self.changes += 1;
        Ok(())
    }

    /// Elects the first replica in sync that is here.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn release_election(&mut self, topic: &str, partition: i32) -> Result<(), TopicError> {
        let now = self.elapsed;
        let lost = self.checked_partition(topic, partition)?.release_election(now);
        self.stats.lost_records += lost;
        self.settle(topic, partition);
        Ok(())
    }

    /// Keeps all followers of a partition from copying: appends with acks=all wait, those with acks=1 do not, and are lost if the
    /// leader goes. After [`ModelConfig::replica_lag_time_max`](crate::model::ModelConfig::replica_lag_time_max) with something to
    /// copy the followers are out of sync.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn hold_replication(&mut self, topic: &str, partition: i32) -> Result<(), TopicError> {
        self.checked_partition(topic, partition)?.set_held(None, true);
        Ok(())
    }

    /// Lets all followers copy again.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn release_replication(&mut self, topic: &str, partition: i32) -> Result<(), TopicError> {
        self.checked_partition(topic, partition)?.set_held(None, false);
        self.settle(topic, partition);
        Ok(())
    }

    /// Keeps one follower from copying, as [`Model::hold_replication`] does with all: another one may have what consumers do not see
    /// yet, so that an append that nobody acknowledged survives the leader.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn hold_follower(
        &mut self,
        topic: &str,
        partition: i32,
        follower: impl Into<BrokerId>,
    ) -> Result<(), TopicError> {
        self.checked_partition(topic, partition)?.set_held(Some(follower.into()), true);
        Ok(())
    }

    /// Lets a follower copy again.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn release_follower(
        &mut self,
        topic: &str,
        partition: i32,
        follower: impl Into<BrokerId>,
    ) -> Result<(), TopicError> {
        self.checked_partition(topic, partition)?.set_held(Some(follower.into()), false);
        self.settle(topic, partition);
        Ok(())
    }

    /// Makes a partition forget its producers, as `producer.id.expiration.ms` does.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn forget_producers(&mut self, topic: &str, partition: i32) -> Result<(), TopicError> {
        self.checked_partition(topic, partition)?.log.forget_producers();
        Ok(())
    }

    /// Moves the start of a log, as retention and DeleteRecords do, at most to the high watermark; gives the new start. Producers are
    /// remembered all the same.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a partition that there is not.
    pub fn delete_records(
        &mut self,
        topic: &str,
        partition: i32,
        before: i64,
    ) -> Result<i64, TopicError> {
        let log = &mut self.checked_partition(topic, partition)?.log;
        log.delete_before(before);
        let start = log.start_offset();
        self.changes += 1;
        Ok(start)
    }

    fn lead(&mut self, topic: &str, partition: i32, to: BrokerId) -> Result<(), TopicError> {
        let (now, is_here) = (self.elapsed, self.is_here(to));
        let old = self.checked_partition(topic, partition)?.leader;
        let may_go_on = old.is_some_and(|old| self.broker(old).is_some_and(|b| b.is_isolated));
        if !is_here {
            return Err(TopicError::NotInSync(to));
        }
        let lost = self.checked_partition(topic, partition)?.elect(Some(to), now, may_go_on);
        self.stats.lost_records += lost;
        self.settle(topic, partition);
        Ok(())
    }

    /// Lets a partition's replicas be as they are now.
    fn settle(&mut self, topic: &str, partition: i32) {
        self.replicate(topic, partition);
        self.changes += 1;
    }

    pub(in crate::model) fn checked_partition(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> Result<&mut Partition, TopicError> {
        if !self.topics.contains_key(topic) {
            return Err(TopicError::Unknown(topic.into()));
        }
        let unknown = || TopicError::UnknownPartition { topic: topic.into(), partition };
        self.partition_mut(topic, partition).ok_or_else(unknown)
    }
}
