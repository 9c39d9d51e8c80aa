//! A broker that is honest until its script tells it otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rohrpost_codec::{FrameReader, Response, decode_response, encode_response, peek_request};
use rohrpost_testkit::model::{Answer, Model, ModelConfig, Now, SessionId};
use rohrpost_testkit::{ApiKey, Bytes, LoggedBatch, LoggedRecord, TopicSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    /// The how manieth of its API it is, from 0 on.
    pub(crate) nth: u32,
}

/// What is sent back.
pub(crate) enum Reply {
    /// These bytes.
    Send(Bytes),
    /// These bytes, and then the end of the connection.
    SendAndClose(Bytes),
}

/// What is made of each honest answer, a frame with its length prefix.
type Script = dyn Fn(&Asked, Bytes) -> Reply + Send + Sync;

/// Broker 1 of a cluster of one, with the topic `t` of four partitions.
pub(crate) struct Peer {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    model: Model,
    counts: BTreeMap<ApiKey, u32>,
}

impl Peer {
    pub(crate) async fn start(
        script: impl Fn(&Asked, Bytes) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut model = Model::new(ModelConfig { brokers: 1, ..ModelConfig::default() });
        model.create_topic(&TopicSpec::new("t").partitions(4)).unwrap();
        model.set_address(1, address.ip().to_string(), address.port());
        let state = Arc::new(Mutex::new(State { model, counts: BTreeMap::new() }));
        let (of_peer, script): (_, Arc<Script>) = (state.clone(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, script) = (state.clone(), script.clone());
                tokio::spawn(async move {
                    let session = state.lock().unwrap().model.connect(1).unwrap();
                    let _ = serve(stream, session, &state, &*script).await;
                    state.lock().unwrap().model.disconnect(session);
                });
            }
        });
        Self { address: address.to_string(), state: of_peer }
    }

    pub(crate) fn log(&self, partition: i32) -> Vec<LoggedRecord> {
        let state = self.state.lock().unwrap();
        state.model.batches("t", partition).flat_map(LoggedBatch::records).collect()
    }

    /// How many requests of an API came.
    pub(crate) fn count(&self, api: ApiKey) -> u32 {
        self.state.lock().unwrap().counts.get(&api).copied().unwrap_or_default()
    }
}

async fn serve(
    mut stream: TcpStream,
    session: SessionId,
    state: &Mutex<State>,
    script: &Script,
) -> std::io::Result<()> {
    let mut frames = FrameReader::new(100 << 20);
    loop {
        let Some(frame) = frames.next_frame().map_err(std::io::Error::other)? else {
            if stream.read_buf(frames.buffer_mut()).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let (asked, answer) = state.lock().unwrap().answer(session, &frame);
        let honest = match answer {
            Answer::Send(honest) => honest,
            Answer::Nothing => continue,
            _ => return Ok(()),
        };
        match script(&asked, honest) {
            Reply::Send(bytes) => stream.write_all(&bytes).await?,
            Reply::SendAndClose(bytes) => return stream.write_all(&bytes).await,
        }
    }
}

impl State {
    fn answer(&mut self, session: SessionId, frame: &Bytes) -> (Asked, Answer) {
        let seen = peek_request(frame).unwrap();
        let api = ApiKey::try_from(seen.api_key).unwrap();
        let count = self.counts.entry(api).or_default();
        let asked = Asked {
            api,
            version: seen.api_version,
            correlation_id: seen.correlation_id,
            nth: *count,
        };
        *count += 1;
        // Time plays no part in what is asked of it here, but for what records say.
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let now = Now { elapsed: Duration::ZERO, wall_ms: wall.as_millis() as i64 };
        (asked, self.model.handle(now, session, frame))
    }
}

/// The honest answer, but for what is changed about it.
pub(crate) fn changed<R: Response>(
    asked: &Asked,
    honest: &Bytes,
    change: impl FnOnce(&mut R),
) -> Bytes {
    let (correlation_id, mut response) =
        decode_response::<R>(&honest.slice(4..), asked.version).unwrap();
    change(&mut response);
    encode_response(correlation_id, &response, asked.version).unwrap().to_bytes()
}
