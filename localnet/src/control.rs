//! Commands for a running localnet from another process, over a Unix socket in its home: one JSON line each way.

use serde::{Deserialize, Serialize};
use std::{fs, io, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    time::{Instant, sleep, timeout},
};

use crate::{Error, Home, Localnet, Status};

/// A line of a stranger must not hold up the owner.
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// Validators get ten seconds to end, then they are killed.
const DOWN_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Status,
    Validator { index: usize, action: Action },
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Start,
    Stop,
    Kill,
    Restart,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    Status(Status),
    Done,
    Refused(String),
}

/// The owner's side.
#[derive(Debug)]
pub struct Control(UnixListener);

impl Control {
    /// Opens the socket; the home must be owned by the caller, so a socket that is there is an earlier run's.
    pub fn open(home: &Home) -> Result<Self, Error> {
        let path = home.control();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(home, error)),
            _ => {}
        }
        UnixListener::bind(&path).map(Self).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => {
                failed(home, "its path is too long for a socket: take a shorter --home")
            }
            _ => failed(home, error),
        })
    }

    /// Obeys until the future is dropped.
    pub async fn serve(&self, net: &Localnet) -> Error {
        loop {
            let stream = match self.0.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => return failed(net.home(), error),
            };
            if let Err(error) = serve_one(stream, net).await {
                tracing::warn!(%error, "a control connection failed");
            }
        }
    }
}

async fn serve_one(stream: UnixStream, net: &Localnet) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    timeout(READ_DEADLINE, BufReader::new(read).read_line(&mut line)).await??;
    let response = match serde_json::from_str(&line) {
        Ok(request) => obey(net, request).await.unwrap_or_else(|error| Response::Refused(error.to_string())),
        Err(error) => Response::Refused(format!("not understood: {error}")),
    };
    let mut answer = serde_json::to_vec(&response)?;
    answer.push(b'\n');
    write.write_all(&answer).await
}

async fn obey(net: &Localnet, request: Request) -> Result<Response, Error> {
    match request {
        Request::Status => return Ok(Response::Status(net.status().await?)),
        Request::Validator { index, action: Action::Start } => net.start(index).await?,
        Request::Validator { index, action: Action::Stop } => net.stop(index).await?,
        Request::Validator { index, action: Action::Kill } => net.kill(index).await?,
        Request::Validator { index, action: Action::Restart } => net.restart(index).await?,
    }
    Ok(Response::Done)
}

/// State of the localnet that runs in a home.
pub async fn status(home: &Home) -> Result<Status, Error> {
    match ask(home, Request::Status).await? {
        Response::Status(status) => Ok(status),
        other => Err(unexpected(home, other)),
    }
}

/// Has the owner start, stop or kill a validator; returns when it is done.
pub async fn validator(home: &Home, index: usize, action: Action) -> Result<(), Error> {
    match ask(home, Request::Validator { index, action }).await? {
        Response::Done => Ok(()),
        other => Err(unexpected(home, other)),
    }
}

/// Asks the owner to end, and waits until he has.
pub async fn down(home: &Home) -> Result<(), Error> {
    let not_up = || Error::NotUp { home: home.path().to_owned() };
    let owner = home.owner()?.ok_or_else(not_up)?;
    let pid = i32::try_from(owner).map_err(|error| failed(home, error))?;
    kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|error| failed(home, error))?;
    let started = Instant::now();
    while home.owner()?.is_some() {
        if started.elapsed() >= DOWN_DEADLINE {
            let what = format!("end of the owner with pid {pid}");
            let last = format!("it still runs; `kill -9 {pid}` ends it with its validators");
            return Err(Error::Deadline { what, seconds: DOWN_DEADLINE.as_secs(), last });
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn ask(home: &Home, request: Request) -> Result<Response, Error> {
    if home.owner()?.is_none() {
        return Err(Error::NotUp { home: home.path().to_owned() });
    }
    let mut stream = UnixStream::connect(home.control()).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            failed(home, "its owner is not ready yet")
        }
        _ => failed(home, error),
    })?;
    let mut line = serde_json::to_vec(&request).map_err(|error| failed(home, error))?;
    line.push(b'\n');
    stream.write_all(&line).await.map_err(|error| failed(home, error))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await.map_err(|error| failed(home, error))?;
    serde_json::from_str(&answer).map_err(|error| failed(home, error))
}

fn failed(home: &Home, reason: impl ToString) -> Error {
    Error::Control { path: home.control(), reason: reason.to_string() }
}

fn unexpected(home: &Home, response: Response) -> Error {
    match response {
        Response::Refused(reason) => Error::Refused(reason),
        _ => failed(home, "the owner answered something else: is it another version?"),
    }
}
