//! A broker that writes down what it is asked.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rohrpost_codec::{ByteStr, FrameReader, Request, Uuid, decode_request, peek_request};
use rohrpost_testkit::model::{Answer, Model, ModelConfig, Now, SessionId};
use rohrpost_testkit::{ApiKey, Bytes, TopicSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Broker 1 of a cluster of one, with the topic `t`.
pub(crate) struct Wire {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    model: Model,
    frames: Vec<Bytes>,
    /// Requests of this kind get no answer.
    mute: Option<ApiKey>,
}

impl Wire {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut model = Model::new(ModelConfig { brokers: 1, ..ModelConfig::default() });
        model.create_topic(&TopicSpec::new("t").partitions(1)).unwrap();
        model.set_address(1, "127.0.0.1".to_owned(), port);
        let state = Arc::new(Mutex::new(State { model, frames: Vec::new(), mute: None }));
        let of_wire = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move {
                    let session = state.lock().unwrap().model.connect(1).unwrap();
                    let _ = serve(stream, session, &state).await;
                    state.lock().unwrap().model.disconnect(session);
                });
            }
        });
        Self { port, state: of_wire }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Creates another topic of one partition, or finds it; its id.
    pub(crate) fn topic(&self, name: &str) -> Uuid {
        let model = &mut self.state.lock().unwrap().model;
        match model.topic(name) {
            Some(topic) => topic.id,
            None => model.create_topic(&TopicSpec::new(name).partitions(1)).unwrap(),
        }
    }

    /// Says of broker 1 that it is at another port.
    pub(crate) fn advertise(&self, port: u16) {
        self.state.lock().unwrap().model.set_address(1, "127.0.0.1".to_owned(), port);
    }

    /// Answers no request of this kind any more.
    pub(crate) fn mute(&self, api: ApiKey) {
        self.state.lock().unwrap().mute = Some(api);
    }

    /// The requests of a kind that came, with their client id.
    pub(crate) fn requests<R: Request>(&self) -> Vec<(Option<ByteStr>, R)> {
        let state = self.state.lock().unwrap();
        let of_kind = state.frames.iter().filter(|frame| api(frame) == R::API_KEY);
        let decoded = of_kind.map(|frame| decode_request::<R>(frame).unwrap());
        decoded.map(|(header, request)| (header.client_id, request)).collect()
    }
}

fn api(frame: &Bytes) -> ApiKey {
    ApiKey::try_from(peek_request(frame).unwrap().api_key).unwrap()
}

async fn serve(
    mut stream: TcpStream,
    session: SessionId,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    let mut frames = FrameReader::new(100 << 20);
    loop {
        let Some(frame) = frames.next_frame().map_err(std::io::Error::other)? else {
            if stream.read_buf(frames.buffer_mut()).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let answer = state.lock().unwrap().answer(session, &frame);
        match answer {
            Answer::Send(bytes) => stream.write_all(&bytes).await?,
            Answer::Nothing => {}
            _ => return Ok(()),
        }
    }
}

impl State {
    fn answer(&mut self, session: SessionId, frame: &Bytes) -> Answer {
        self.frames.push(frame.clone());
        if self.mute == Some(api(frame)) {
            return Answer::Nothing;
        }
        // Time plays no part in what is asked of it here, but for what records say.
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let now = Now { elapsed: Duration::ZERO, wall_ms: wall.as_millis() as i64 };
        self.model.handle(now, session, frame)
    }
}
