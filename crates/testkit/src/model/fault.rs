//! Faults that a test scripts: which requests they strike, and what they do to them.

mod hostile;

pub use hostile::ConnectionFault;
#[cfg(feature = "sasl")]
pub use hostile::SaslFault;
pub(crate) use hostile::SaslStep;

use std::time::Duration;

use rohrpost_codec::{ApiKey, ErrorCode};

use super::BrokerId;

/// Something that goes wrong, at the requests that it is narrowed to; at any request, once, if it is not.
///
/// ```
/// use std::time::Duration;
/// use rohrpost_testkit::{ApiKey, ErrorCode, Fault};
///
/// // The next two appends to partition 0 of `orders` are refused.
/// let refused = Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS)
///     .on(ApiKey::Produce).topic("orders").partition(0).times(2);
/// // The third answer of broker 2 comes half a second late.
/// let slow = Fault::delay(Duration::from_millis(500)).broker(2).skip(2);
/// // An append succeeds, and nobody hears of it.
/// let ambiguous = Fault::disconnect_after().on(ApiKey::Produce);
/// # let _ = (refused, slow, ambiguous);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    effect: Effect,
    api: Option<ApiKey>,
    broker: Option<BrokerId>,
    topic: Option<String>,
    partition: Option<i32>,
    skip: u32,
    /// `None` for ever.
    times: Option<u32>,
}

/// Names a fault that was injected, to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Error(ErrorCode),
    ErrorAfter(ErrorCode),
    Delay(Duration),
    Throttle(Duration),
    DisconnectBefore,
    DisconnectAfter,
    Swallow,
    Garbage,
    Cut(usize),
    Stall,
    Announce(u32),
    Append(usize),
    Trickle(Duration),
    Connection(ConnectionFault),
    #[cfg(feature = "sasl")]
    Sasl(SaslFault),
}

impl Fault {
    /// The request is refused with this code, and nothing is done. In requests for several topics and partitions, those that
    /// the fault is narrowed to are refused.
    #[must_use]
    pub fn error(code: ErrorCode) -> Self {
        Self::new(Effect::Error(code))
    }

    /// The request is carried out, and answered with this code all the same: REQUEST_TIMED_OUT, above all.
    #[must_use]
    pub fn error_after(code: ErrorCode) -> Self {
        Self::new(Effect::ErrorAfter(code))
    }

    /// The request is carried out, the answer comes this much later. Meanwhile the connection is served no other request.
    #[must_use]
    pub fn delay(by: Duration) -> Self {
        Self::new(Effect::Delay(by))
    }

    /// The answer asks for a pause of this length, and the broker serves the connection nothing until then (KIP-219).
    #[must_use]
    pub fn throttle(pause: Duration) -> Self {
        Self::new(Effect::Throttle(pause))
    }

    /// The connection closes, and nothing is done.
    #[must_use]
    pub fn disconnect_before() -> Self {
        Self::new(Effect::DisconnectBefore)
    }

    /// The request is carried out, then the connection closes without an answer.
    #[must_use]
    pub fn disconnect_after() -> Self {
        Self::new(Effect::DisconnectAfter)
    }

    /// The request is carried out, and never answered; later requests of the connection are.
    #[must_use]
    pub fn swallow() -> Self {
        Self::new(Effect::Swallow)
    }

    /// The request is carried out, and answered with bytes that are no answer.
    #[must_use]
    pub fn garbage() -> Self {
        Self::new(Effect::Garbage)
    }

    /// The request is carried out, and the connection closes when this many bytes of the answer are out, or all but one.
    #[must_use]
    pub fn cut(bytes: usize) -> Self {
        Self::new(Effect::Cut(bytes))
    }

    /// The request is carried out and never answered, nor is any other on its connection, which stays open.
    #[must_use]
    pub fn stall() -> Self {
        Self::new(Effect::Stall)
    }

    /// The request is carried out, and the answer's length prefix says that it has this many bytes, whatever it has.
    #[must_use]
    pub fn announce(bytes: u32) -> Self {
        Self::new(Effect::Announce(bytes))
    }

    /// The request is carried out, and the answer has this many bytes behind its end, which its length prefix counts.
    #[must_use]
    pub fn append(bytes: usize) -> Self {
        Self::new(Effect::Append(bytes))
    }

    /// The request is carried out, and its answer and all later ones on the connection come one byte at a time, with this pause
    /// before each.
    #[must_use]
    pub fn trickle(pause: Duration) -> Self {
        Self::new(Effect::Trickle(pause))
    }

    /// A connection goes wrong before anything is asked on it. It can be narrowed to a broker.
    ///
    /// ```
    /// use rohrpost_testkit::{ConnectionFault, Fault};
    ///
    /// // The next TLS handshake with broker 1 ends with the alert handshake_failure.
    /// let refused = Fault::connection(ConnectionFault::TlsAlert(40)).broker(1);
    /// # let _ = refused;
    /// ```
    #[must_use]
    pub fn connection(fault: ConnectionFault) -> Self {
        Self::new(Effect::Connection(fault))
    }

    /// The server lies in a SASL exchange.
    ///
    /// ```
    /// use rohrpost_testkit::{Fault, SaslFault};
    ///
    /// // Whoever has answered the challenge is taken by a server that does not know the password.
    /// let forged = Fault::sasl(SaslFault::WrongSignature).always();
    /// # let _ = forged;
    /// ```
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn sasl(fault: SaslFault) -> Self {
        Self::new(Effect::Sasl(fault))
    }

    /// Strikes requests of this API only.
    #[must_use]
    pub fn on(mut self, api: ApiKey) -> Self {
        self.api = Some(api);
        self
    }

    /// Strikes requests to this broker only.
    #[must_use]
    pub fn broker(mut self, broker: impl Into<BrokerId>) -> Self {
        self.broker = Some(broker.into());
        self
    }

    /// Strikes requests that name this topic only.
    #[must_use]
    pub fn topic(mut self, name: impl Into<String>) -> Self {
        self.topic = Some(name.into());
        self
    }

    /// Strikes requests that name this partition only.
    #[must_use]
    pub fn partition(mut self, index: i32) -> Self {
        self.partition = Some(index);
        self
    }

    /// Spares the first `count` requests that it could strike.
    #[must_use]
    pub fn skip(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    /// Strikes `count` requests instead of one.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// Strikes every request until it is removed.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    fn new(effect: Effect) -> Self {
        Self {
            effect,
            api: None,
            broker: None,
            topic: None,
            partition: None,
            skip: 0,
            times: Some(1),
        }
    }

    fn strikes(
        &self,
        api: ApiKey,
        broker: BrokerId,
        targets: &[Target],
        step: Option<SaslStep>,
    ) -> bool {
        let is_of_requests = match self.effect {
            Effect::Connection(_) => false,
            #[cfg(feature = "sasl")]
            Effect::Sasl(fault) => step.is_some_and(|step| fault.fits(step)),
            _ => true,
        };
        #[cfg(not(feature = "sasl"))]
        let _ = step;
        is_of_requests
            && self.api.is_none_or(|wanted| wanted == api)
            && self.broker.is_none_or(|wanted| wanted == broker)
            && (self.names_no_target() || targets.iter().any(|target| self.covers(target)))
    }

    fn names_no_target(&self) -> bool {
        self.topic.is_none() && self.partition.is_none()
    }

    fn covers(&self, target: &Target) -> bool {
        self.topic.as_ref().is_none_or(|topic| *topic == target.topic)
            && self.partition.is_none_or(|partition| Some(partition) == target.partition)
    }
}

/// What a request is about: a topic or one of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) topic: String,
    pub(crate) partition: Option<i32>,
}

/// The faults that wait for a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<(FaultId, Fault)>,
    last_id: u64,
}

/// What befalls one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    struck: Vec<Fault>,
}

impl Faults {
    pub(crate) fn inject(&mut self, fault: Fault) -> FaultId {
        self.last_id += 1;
        let id = FaultId(self.last_id);
        self.waiting.push((id, fault));
        id
    }

    pub(crate) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting != id);
        self.waiting.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The faults that strike a request, each of which is used up by one more. `step` says where the exchange is that it is part of.
    pub(crate) fn judge(
        &mut self,
        api: ApiKey,
        broker: BrokerId,
        targets: &[Target],
        step: Option<SaslStep>,
    ) -> Verdict {
        Verdict { struck: self.take(|fault| fault.strikes(api, broker, targets, step)) }
    }

    /// The fault that strikes a new connection, the first if there are more.
    pub(crate) fn judge_connection(&mut self, broker: BrokerId) -> Option<ConnectionFault> {
        let struck = self.take(|fault| {
            matches!(fault.effect, Effect::Connection(_))
                && fault.broker.is_none_or(|wanted| wanted == broker)
        });
        struck.first().and_then(|fault| match fault.effect {
            Effect::Connection(fault) => Some(fault),
            _ => None,
        })
    }

    fn take(&mut self, strikes: impl Fn(&Fault) -> bool) -> Vec<Fault> {
        let mut struck = Vec::new();
        self.waiting.retain_mut(|(_, fault)| {
            if fault.times == Some(0) {
                return false;
            }
            if !strikes(fault) {
                return true;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                return true;
            }
            struck.push(fault.clone());
            match &mut fault.times {
                None => true,
                Some(times) => {
                    *times -= 1;
                    *times > 0
                }
            }
        });
        struck
    }
}

impl Verdict {
    /// Has the request refused with this code, before all else.
    #[cfg(feature = "sasl")]
    pub(crate) fn refuse(&mut self, code: ErrorCode) {
        self.struck.insert(0, Fault::error(code));
    }

    /// How many faults strike the request.
    pub(crate) fn count(&self) -> u64 {
        self.struck.len() as u64
    }

    /// The code that a partition is refused with.
    pub(crate) fn refusal(&self, topic: &str, partition: i32) -> Option<ErrorCode> {
        let target = Target { topic: topic.into(), partition: Some(partition) };
        self.code(Some(&target), |effect| match effect {
            Effect::Error(code) => Some(code),
            _ => None,
        })
    }

    /// The code that a partition is answered with although it was served.
    pub(crate) fn disguise(&self, topic: &str, partition: i32) -> Option<ErrorCode> {
        let target = Target { topic: topic.into(), partition: Some(partition) };
        self.code(Some(&target), |effect| match effect {
            Effect::ErrorAfter(code) => Some(code),
            _ => None,
        })
    }

    /// The code that a request about a topic, or about none, is refused with.
    pub(crate) fn refusal_of(&self, topic: Option<&str>) -> Option<ErrorCode> {
        let target = topic.map(|topic| Target { topic: topic.into(), partition: None });
        self.code(target.as_ref(), |effect| match effect {
            Effect::Error(code) => Some(code),
            _ => None,
        })
    }

    /// The code that a request about a topic, or about none, is answered with although it was served.
    pub(crate) fn disguise_of(&self, topic: Option<&str>) -> Option<ErrorCode> {
        let target = topic.map(|topic| Target { topic: topic.into(), partition: None });
        self.code(target.as_ref(), |effect| match effect {
            Effect::ErrorAfter(code) => Some(code),
            _ => None,
        })
    }

    pub(crate) fn closes_before(&self) -> bool {
        self.has(Effect::DisconnectBefore)
    }

    pub(crate) fn closes_after(&self) -> bool {
        self.has(Effect::DisconnectAfter)
    }

    pub(crate) fn swallows(&self) -> bool {
        self.has(Effect::Swallow)
    }

    pub(crate) fn garbles(&self) -> bool {
        self.has(Effect::Garbage)
    }

    /// After how many bytes the answer ends.
    pub(crate) fn cut(&self) -> Option<usize> {
        self.struck.iter().find_map(|fault| match fault.effect {
            Effect::Cut(bytes) => Some(bytes),
            _ => None,
        })
    }

    /// What the answer's length prefix says, if not the truth.
    pub(crate) fn announced(&self) -> Option<u32> {
        self.struck.iter().find_map(|fault| match fault.effect {
            Effect::Announce(bytes) => Some(bytes),
            _ => None,
        })
    }

    /// How many bytes the answer has behind its end.
    pub(crate) fn appended(&self) -> usize {
        let appended = |fault: &Fault| match fault.effect {
            Effect::Append(bytes) => bytes,
            _ => 0,
        };
        self.struck.iter().map(appended).fold(0, usize::saturating_add)
    }

    /// The pause before each byte.
    pub(crate) fn trickle(&self) -> Option<Duration> {
        self.struck.iter().find_map(|fault| match fault.effect {
            Effect::Trickle(pause) => Some(pause),
            _ => None,
        })
    }

    /// What the server's side of a SASL exchange does.
    #[cfg(feature = "sasl")]
    pub(crate) fn sasl(&self) -> Option<SaslFault> {
        self.struck.iter().find_map(|fault| match fault.effect {
            Effect::Sasl(fault) => Some(fault),
            _ => None,
        })
    }

    pub(crate) fn stalls(&self) -> bool {
        self.has(Effect::Stall)
    }

    /// All delays together.
    pub(crate) fn delay(&self) -> Duration {
        let delay = |fault: &Fault| match fault.effect {
            Effect::Delay(by) => by,
            _ => Duration::ZERO,
        };
        self.struck.iter().map(delay).fold(Duration::ZERO, Duration::saturating_add)
    }

    /// The longest pause.
    pub(crate) fn throttle(&self) -> Duration {
        let throttle = |fault: &Fault| match fault.effect {
            Effect::Throttle(pause) => pause,
            _ => Duration::ZERO,
        };
        self.struck.iter().map(throttle).max().unwrap_or_default()
    }

    /// [`Verdict::throttle`] as answers carry it.
    pub(crate) fn throttle_ms(&self) -> i32 {
        i32::try_from(self.throttle().as_millis()).unwrap_or(i32::MAX)
    }

    fn has(&self, effect: Effect) -> bool {
        self.struck.iter().any(|fault| fault.effect == effect)
    }

    fn code(
        &self,
        target: Option<&Target>,
        code: impl Fn(Effect) -> Option<ErrorCode>,
    ) -> Option<ErrorCode> {
        self.struck.iter().find_map(|fault| {
            let covers =
                fault.names_no_target() || target.is_some_and(|target| fault.covers(target));
            covers.then(|| code(fault.effect)).flatten()
        })
    }
}
