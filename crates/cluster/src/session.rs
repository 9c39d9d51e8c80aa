//! [`Exchange`]: one run of SASL on a connection; [`Session`]: how long its result lasts (KIP-368).
//!
//! # The life of an authenticated connection
//!
//! ```text
//!                  versions              credentials            agreed            complete
//!   Negotiating ────────────► Credentials ─────────► Handshake ───────► Tokens ────────────► Ready
//!                                                                        │  ▲                  │
//!                                                              challenge └──┘                  ▼
//!   ┌──────────────────────────── without a lifetime: for ever ──────────────────────── no session
//!   │
//!   │            at 85 to 95 %         credentials       all answered         complete
//!   └─ Ready ── Due ────────────► Asked ─────────► Granted ────────────► Handshake … ──► Ready, Due
//!                ▲                  │                  takes nothing new
//!                └── none, back-off ┘
//! ```
//!
//! - **The first authentication** has `request.timeout.ms` from the moment that the connection is made: versions, credentials, handshake and all tokens
//!   together. A connection that is not ready by then is closed. (`socket.connection.setup.timeout.ms` is for what comes before: TCP and TLS.)
//! - **Challenges** are [`MAX_CHALLENGES`] at the most, and [`MAX_CHALLENGE_BYTES`] in all.
//! - **Renewal.** New credentials are asked for while requests go on as ever. Once they are there, the connection takes no new request; what is in flight is
//!   answered; then the exchange runs alone on the connection, which has `request.timeout.ms` again. Frames of one connection are never mixed, so nothing is
//!   reordered: what waits is sent over the same connection afterwards. Nobody is kept from appending records meanwhile.
//! - **No new credentials** are no reason to stop: they are asked for again after back-offs, and the connection works on while its session lasts. At 97.5 % of the lifetime it takes
//!   nothing new, and is given up when what is in flight is answered.
//! - **A renewal that fails**, by the broker's refusal too, costs the connection and nothing else: nothing was in flight. Only what a *new* connection says of the
//!   credentials is told to those who wait (a broker also refuses a renewal under another principal, where a new connection would do).
//! - **A lifetime of zero**, or below, is none (Java takes it so too). A tiny one makes no loop: brokers refuse to renew a session more often than once a second
//!   (`KafkaChannel.MIN_REAUTH_INTERVAL_ONE_SECOND_NANOS`), where Java's client then loses its connection; here a renewal waits until [`LEAST_BETWEEN`] after the one before.
//! - **Idle connections** stay authenticated, and being renewed does not count as use: `connections.max.idle.ms` closes them all the same.

use alloc::boxed::Box;
use core::time::Duration;

use rohrpost_sasl::SaslClient;

use crate::backoff::Random;
use crate::{CredentialsError, Time};

/// The most challenges in one exchange. SCRAM has two, Kerberos a handful.
pub(crate) const MAX_CHALLENGES: u32 = 16;

/// The most bytes of all challenges of an exchange: as much as brokers take of a client (`sasl.server.max.receive.size`).
pub(crate) const MAX_CHALLENGE_BYTES: usize = 512 * 1024;

/// A renewal begins this long after the broker answered the last handshake, at the earliest: a second, as brokers have it, and some for unequal clocks.
const LEAST_BETWEEN: Duration = Duration::from_millis(1_010);

const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// One run of a mechanism on a connection.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) stage: Stage,
    challenges: u32,
    bytes: usize,
    /// The last positive `session_lifetime_ms` that the broker told.
    lifetime: Option<Duration>,
    /// When the handshake was answered.
    agreed_at: Time,
    /// Why there are no credentials yet.
    delay: Option<CredentialsError>,
}

/// See the module's picture.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Credentials are asked for.
    Credentials,
    /// SaslHandshake is out.
    Handshake(Box<dyn SaslClient>),
    /// SaslAuthenticate is out.
    Tokens(Box<dyn SaslClient>),
    /// Over, or being worked on.
    Over,
}

impl Exchange {
    pub(crate) const fn new(now: Time) -> Self {
        let stage = Stage::Credentials;
        Self { stage, challenges: 0, bytes: 0, lifetime: None, agreed_at: now, delay: None }
    }

    /// It is tried again to get credentials, because of this.
    pub(crate) fn delay(&mut self, error: CredentialsError) {
        self.delay = Some(error);
    }

    /// Why there are no credentials yet, where they are waited for and that is known.
    pub(crate) fn delayed_by(&self) -> Option<&CredentialsError> {
        self.delay.as_ref().filter(|_| matches!(self.stage, Stage::Credentials))
    }

    /// The handshake was answered.
    pub(crate) fn agree(&mut self, now: Time) {
        self.agreed_at = now;
    }

    /// Counts a challenge; how many there were and their bytes, if those are too many.
    pub(crate) fn count(&mut self, bytes: usize) -> Result<(), (u32, usize)> {
        self.challenges += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        let is_bearable = self.challenges <= MAX_CHALLENGES && self.bytes <= MAX_CHALLENGE_BYTES;
        if is_bearable { Ok(()) } else { Err((self.challenges, self.bytes)) }
    }

    /// The broker told how long the session is to last; zero and less mean nothing.
    pub(crate) fn set_lifetime(&mut self, session_lifetime_ms: i64) {
        if let Some(millis) = u64::try_from(session_lifetime_ms).ok().filter(|millis| *millis > 0) {
            self.lifetime = Some(Duration::from_millis(millis));
        }
    }

    /// The exchange is complete: the session that it made, if that ever ends.
    pub(crate) fn session(&self, now: Time, random: &mut Random) -> Option<Session> {
        self.lifetime.map(|lifetime| Session::new(now, lifetime, self.agreed_at, random))
    }
}

/// A session that ends.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) renewal: Renewal,
    /// The connection takes nothing new from then on, unless it is renewed.
    stops: Time,
    /// Without new credentials by then, the connection is given up.
    gives_up: Time,
    /// No renewal before.
    not_before: Time,
    /// How often there were no credentials.
    failures: u32,
    /// Why there were none.
    last: Option<CredentialsError>,
}

/// See the module's picture.
#[derive(Debug)]
pub(crate) enum Renewal {
    /// New credentials are to be asked for then.
    Due(Time),
    /// They are asked for.
    Asked,
    /// They are there, since then: the connection drains.
    Granted { client: Box<dyn SaslClient>, since: Time },
}

/// What is to be done about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Ask for credentials.
    Ask,
    /// Run the exchange.
    Renew,
    /// Give the connection up: it cannot be used any more.
    End,
}

impl Session {
    fn new(now: Time, lifetime: Duration, agreed_at: Time, random: &mut Random) -> Self {
        // 85 to 95 %, as Java, so that the connections of many clients do not come all at once.
        let per_mille = 850 + random.below(101);
        // Without a least pause, a lifetime that rounds to nothing would be a loop in no time.
        let due = now + part(lifetime, per_mille).max(LEAST_PAUSE);
        let stops = now + part(lifetime, 975);
        Self {
            renewal: Renewal::Due(due),
            stops,
            gives_up: stops.max(due + LEAST_PAUSE),
            not_before: agreed_at + LEAST_BETWEEN,
            failures: 0,
            last: None,
        }
    }

    /// Since when the connection takes no more requests, if it takes none.
    pub(crate) fn held_since(&self, now: Time) -> Option<Time> {
        let held_since = match &self.renewal {
            Renewal::Granted { since, .. } => self.stops.min(self.not_before.max(*since)),
            Renewal::Due(_) | Renewal::Asked => self.stops,
        };
        (held_since <= now).then_some(held_since)
    }

    /// When [`duty`](Self::duty) changes by itself.
    pub(crate) fn deadline(&self, is_idle: bool) -> Option<Time> {
        match &self.renewal {
            Renewal::Due(at) if *at < self.gives_up => Some(*at),
            Renewal::Due(_) | Renewal::Asked => is_idle.then_some(self.gives_up),
            Renewal::Granted { .. } => is_idle.then_some(self.not_before),
        }
    }

    /// What is to be done now.
    pub(crate) fn duty(&self, now: Time, is_idle: bool) -> Option<Duty> {
        if self.deadline(is_idle).is_none_or(|deadline| deadline > now) {
            return None;
        }
        Some(match &self.renewal {
            Renewal::Due(at) if *at < self.gives_up => Duty::Ask,
            Renewal::Due(_) | Renewal::Asked => Duty::End,
            Renewal::Granted { .. } => Duty::Renew,
        })
    }

    /// Credentials are asked for. Whoever is late, as after a pause of the whole process, gets a little time for that.
    pub(crate) fn ask(&mut self, now: Time) {
        if self.failures == 0 {
            self.gives_up = self.gives_up.max(now + LEAST_BETWEEN);
        }
        self.renewal = Renewal::Asked;
    }

    /// There were no credentials: they are asked for again after a pause, while the session lasts.
    pub(crate) fn put_off(&mut self, now: Time, pause: Duration, error: CredentialsError) {
        self.renewal = Renewal::Due(now + pause);
        self.failures = self.failures.saturating_add(1);
        self.last = Some(error);
    }

    /// How often there were no credentials.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// It is tried again to get credentials, because of this.
    pub(crate) fn delay(&mut self, error: CredentialsError) {
        self.last = Some(error);
    }

    /// Why there were none last.
    pub(crate) const fn last_error(&self) -> Option<&CredentialsError> {
        self.last.as_ref()
    }
}

fn part(of: Duration, per_mille: u64) -> Duration {
    let nanos = of.as_nanos().saturating_mul(per_mille.into()) / 1000;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
