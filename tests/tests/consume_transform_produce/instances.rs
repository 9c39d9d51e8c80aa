//! Processes of the example, and what they say.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Within which must come what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who is silent is given up soon, and so is a record that nobody takes.
const SETTINGS: [&str; 6] = [
    "consumer.session.timeout.ms=3000",
    "consumer.heartbeat.interval.ms=300",
    "producer.linger.ms=0",
    "producer.request.timeout.ms=1000",
    "producer.delivery.timeout.ms=2000",
    "producer.max.block.ms=5000",
];

/// An instance's name, by which the group knows it: who is launched under it takes the place of the one before at once.
pub(crate) type Name = &'static str;

struct Event {
    name: Name,
    pid: u32,
    news: News,
}

enum News {
    Line(String),
    /// Whether as a success.
    Ended(bool),
}

/// The instances, each of which is launched again when it fails. They are killed when this is dropped.
pub(crate) struct Instances {
    program: PathBuf,
    servers: String,
    running: BTreeMap<Name, u32>,
    tell: Sender<Event>,
    events: Receiver<Event>,
}

impl Instances {
    pub(crate) fn new(program: &Path, servers: &str) -> Self {
        let (tell, events) = mpsc::channel();
        let (program, servers) = (program.to_owned(), servers.to_owned());
        Self { program, servers, running: BTreeMap::new(), tell, events }
    }

    pub(crate) fn launch(&mut self, name: Name) {
        let mut command = Command::new(&self.program);
        command.arg(&self.servers).args(SETTINGS);
        command.arg(format!("consumer.group.instance.id={name}"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (pid, tell) = (child.id(), self.tell.clone());
        let errors = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        thread::spawn(move || errors.for_each(|line| println!("{name}: {line}")));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        thread::spawn(move || {
            let tell = |news| drop(tell.send(Event { name, pid, news }));
            lines.for_each(|line| tell(News::Line(line)));
            tell(News::Ended(child.wait().unwrap().success()));
        });
        self.running.insert(name, pid);
    }

    /// Waits until each of these has said this.
    pub(crate) fn wait_for(&mut self, wanted: &[(Name, &str)]) {
        let mut left = wanted.to_vec();
        self.wait_until(&format!("{wanted:?}"), |name, line| {
            left.retain(|(of, text)| *of != name || !line.contains(text));
            left.is_empty()
        });
    }

    /// Waits until each of these lines was said, by whomever.
    pub(crate) fn wait_for_lines(&mut self, mut wanted: Vec<String>) {
        self.wait_until(&wanted.join(", "), |_, line| {
            wanted.retain(|text| text != line);
            wanted.is_empty()
        });
    }

    /// Waits until somebody says this, and gives the whole line.
    pub(crate) fn wait_for_any(&mut self, text: &str) -> String {
        let mut found = String::new();
        self.wait_until(text, |_, line| {
            line.clone_into(&mut found);
            line.contains(text)
        });
        found
    }

    /// `is_it` is shown every line, until it says so.
    fn wait_until(&mut self, wanted: &str, mut is_it: impl FnMut(Name, &str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let Some((name, news)) = self.next(end) else { panic!("not all was said: {wanted}") };
            match news {
                News::Line(line) if is_it(name, &line) => return,
                News::Line(_) => {}
                News::Ended(success) => {
                    assert!(!success, "{name} ended");
                    self.launch(name);
                }
            }
        }
    }

    /// The next news of those that are to run.
    fn next(&self, end: Instant) -> Option<(Name, News)> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Event { name, pid, news } = self.events.recv_timeout(left).ok()?;
            if self.running.get(name) == Some(&pid) {
                return Some((name, news));
            }
        }
    }

    /// What was said up to now counts no more.
    pub(crate) fn forget(&mut self) {
        while let Some((name, news)) = self.next(Instant::now()) {
            if let News::Ended(success) = news {
                assert!(!success, "{name} ended");
                self.launch(name);
            }
        }
    }

    pub(crate) fn kill(&mut self, name: Name) {
        self.signal("KILL", name);
        self.running.remove(name);
    }

    pub(crate) fn freeze(&self, name: Name) {
        self.signal("STOP", name);
    }

    /// Lets a frozen one go on, and says whether it has failed. It has not, if it says this.
    pub(crate) fn thaw(&mut self, name: Name, text: &str) -> bool {
        self.forget();
        self.signal("CONT", name);
        let end = Instant::now() + PATIENCE;
        loop {
            match self.next(end) {
                None => panic!("{name} neither ended nor said: {text}"),
                Some((of, News::Line(line))) if of == name && line.contains(text) => return false,
                Some((_, News::Line(_))) => {}
                Some((of, News::Ended(success))) => {
                    assert!(!success, "{of} ended");
                    self.launch(of);
                    if of == name {
                        return true;
                    }
                }
            }
        }
    }

    /// Stops one by Ctrl-C, which it has to take for no failure.
    pub(crate) fn stop(&mut self, name: Name) {
        self.signal("INT", name);
        let end = Instant::now() + PATIENCE;
        loop {
            match self.next(end) {
                None => panic!("{name} did not end"),
                Some((of, News::Ended(success))) if of == name => {
                    assert!(success, "{name} failed");
                    self.running.remove(name);
                    return;
                }
                Some(_) => {}
            }
        }
    }

    fn signal(&self, signal: &str, name: Name) {
        // Or it has just ended by itself.
        let _ = Command::new("kill").args(["-s", signal, &self.running[name].to_string()]).status();
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        for name in self.running.keys() {
            self.signal("KILL", name);
        }
    }
}
