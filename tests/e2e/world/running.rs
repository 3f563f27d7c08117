//! A command that runs, what it said, and how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::OBJECTS;
use super::said::{assert_says, text};
use super::time::within;

/// How long one command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
    said: String,
    logged: String,
    running: Arc<AtomicUsize>,
}

impl Running {
    /// Starts a command, to be counted in `running` until its end was waited for.
    pub(super) fn start(command: &mut Command, running: &Arc<AtomicUsize>) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        running.fetch_add(1, Ordering::SeqCst);
        let (said, logged) = Default::default();
        Self { child, stdout, stderr, said, logged, running: Arc::clone(running) }
    }

    /// Returns the next line that starts so.
    pub(crate) async fn line_starting(&mut self, start: &str) -> String {
        let reading = async {
            while let Some(line) = self.stdout.next_line().await.unwrap() {
                self.said.push_str(&format!("{line}\n"));
                if line.starts_with(start) {
                    return line;
                }
            }
            panic!("no line starts with {start}: {}", self.said)
        };
        within(COMMAND_LIMIT, start, reading).await
    }

    /// Waits for a line on standard error that says so.
    pub(crate) async fn error_saying(&mut self, part: &str) {
        let reading = async {
            while let Some(line) = self.stderr.next_line().await.unwrap() {
                self.logged.push_str(&format!("{line}\n"));
                if line.contains(part) {
                    return;
                }
            }
            panic!("no line says {part}: {}", self.logged)
        };
        within(COMMAND_LIMIT, part, reading).await
    }

    /// Writes what the command reads, and says that this is all.
    pub(super) async fn feed(&mut self, input: &str) {
        let mut stdin = self.child.stdin.take().unwrap();
        // A command that reads nothing may have ended already.
        let _ = stdin.write_all(input.as_bytes()).await;
    }

    /// Waits for the end of the command.
    pub(crate) async fn end(self) -> Output {
        self.end_within(COMMAND_LIMIT).await
    }

    /// Waits for the end of a command that may take so long.
    pub(crate) async fn end_within(mut self, limit: Duration) -> Output {
        drop(self.child.stdin.take());
        let reading = async {
            tokio::join!(
                rest(&mut self.stdout, &mut self.said),
                rest(&mut self.stderr, &mut self.logged)
            );
            self.child.wait().await.unwrap()
        };
        let status = within(limit, "its end", reading).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        let output = Output { code: status.code(), stdout: self.said, stderr: self.logged };
        for text in [&output.stdout, &output.stderr] {
            assert!(!holds_token(text.as_bytes()), "a token was printed: {text}");
        }
        output
    }

    /// Ends the command as a power failure does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    /// Asks the command to end.
    pub(crate) async fn terminate(&self) {
        let id = self.child.id().unwrap().to_string();
        let told = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status().await;
        assert!(told.unwrap().success());
    }

    /// Tells whether the command has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

/// Reads what is left to read.
async fn rest(lines: &mut Lines<BufReader<impl AsyncRead + Unpin>>, text: &mut String) {
    while let Some(line) = lines.next_line().await.unwrap() {
        text.push_str(&format!("{line}\n"));
    }
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn failed(self) -> Self {
        assert_eq!(self.code, Some(1), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Returns the last line of the output as JSON.
    pub(crate) fn json(&self) -> Json {
        parse(&self.stdout)
    }

    /// Returns the message and the hint that a machine reads.
    pub(crate) fn error(&self) -> Json {
        parse(&self.stderr)["error"].take()
    }
}

fn parse(text: &str) -> Json {
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a sync did.
#[derive(Debug)]
pub(crate) struct Sync(pub(crate) Json);

impl Sync {
    /// Returns a count of all runs together.
    pub(crate) fn total(&self, count: &str) -> u64 {
        self.0["total"][count].as_u64().unwrap()
    }

    /// Returns the first run of a job.
    pub(crate) fn run(&self, object: &str, direction: &str) -> &Json {
        let mut runs = self.runs().iter();
        let run = runs.find(|run| run["object"] == object && run["direction"] == direction);
        run.unwrap_or_else(|| panic!("no {direction} of {object}: {}", self.0))
    }

    pub(crate) fn runs(&self) -> &Vec<Json> {
        self.0["runs"].as_array().unwrap()
    }

    /// Asserts that the job ended with an error that says `message`, and those of
    /// all other objects were completed.
    pub(crate) fn assert_only_broken(&self, object: &str, direction: &str, message: &str) {
        let broken = self.run(object, direction);
        assert_eq!(broken["ended"], "broken", "{message}: {broken}");
        assert_says(&text(&broken["error"]["message"]), &[message]);
        for other in OBJECTS.into_iter().filter(|other| *other != object) {
            for direction in ["pull", "push"] {
                let run = self.run(other, direction);
                assert_eq!(run["ended"], "complete", "{message}: {run}");
            }
        }
    }
}

/// Asserts that a command failed with this message and a hint that says this.
pub(crate) fn assert_fails(output: Output, message: &str, hint: &str) {
    let output = output.failed();
    assert_says(&output.stderr, &["error: ", message, "\nhint: ", hint]);
}

/// Tells whether anything looks like a token of the sandbox: what an access token
/// holds after its org, or what a refresh token begins with, and many letters.
pub(super) fn holds_token(bytes: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric();
    [b"!AQ".as_slice(), b"5Aep861"].iter().any(|start| {
        let places = bytes.windows(start.len()).enumerate();
        let mut ends = places.filter(|(_, w)| w == start).map(|(at, _)| at + start.len());
        ends.any(|end| bytes[end..].iter().take_while(|byte| is_letter(byte)).count() > 40)
    })
}

mod tests {
    use super::*;
    use crate::world::{Org, none};

    #[tokio::test]
    async fn a_token_is_found_wherever_it_stands() {
        let org = Org::start(none()).await;
        let greeting = org.sandbox.greeting();
        for token in [&greeting.access_token, &greeting.refresh_token] {
            assert!(holds_token(format!("\0\u{1}{token}\"").as_bytes()));
        }
        assert!(!holds_token(b"5Aep861 and 00Dxx!AQ are how they begin"));
    }
}
