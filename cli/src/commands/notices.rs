use std::time::Duration;

use medrec_wallet::Key;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::args::Global;
use crate::gatekeeper::Gatekeeper;
use crate::session::Session;
use crate::show::{self, Shown};
use crate::{Error, mine, moment};

const EXAMPLES: &str = "\
Waits, and says so when there is news in one of your logs: somebody read, a record was filed, a grant took effect.
What it is, `medrec log` shows. Ends with Ctrl-C.

Examples:
  medrec notices                           of all your relationships
  medrec notices 3 --once                  ends with the first";

/// Before a stream that ended, or broke, is opened again.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest line of a stream; ours have some ten bytes.
const MAX_LINE: usize = 4_096;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship [default: all]
    relationship: Option<u64>,
    /// End with the first notice
    #[arg(long)]
    once: bool,
}

/// Where there is news.
struct News {
    relationship: u64,
    institution: String,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let (sender, mut news) = mpsc::channel(16);
    for mine in found.readable(args.relationship)? {
        let (offer, _) = mine.secrets(&session.chain)?;
        let institution = session.chain.registrar.institution(offer.institution).await?;
        let gatekeeper = Gatekeeper::new(&institution, &session.chain.contract)?;
        tokio::spawn(follow(gatekeeper, mine.signer()?.clone(), mine.state.id, sender.clone()));
    }
    drop(sender);
    let mut count = 0u64;
    loop {
        let one = tokio::select! {
            // Without a signal handler Ctrl-C ends the process as ever.
            Ok(()) = tokio::signal::ctrl_c() => break,
            one = news.recv() => one,
        };
        let Some(one) = one else { break };
        let (text, json) = told(&one?);
        count = count.saturating_add(1);
        if args.once {
            return Ok(Shown::ok(text, json));
        }
        show::line(if global.json { json.to_string() } else { text });
    }
    Ok(Shown::ok(show::count(count, "notice"), json!({"notices": count})))
}

fn told(news: &News) -> (String, Value) {
    let News { relationship, institution } = news;
    let at = moment::now();
    let text = format!(
        "{}: there is news in your log at {institution}: `medrec log {relationship}` shows it.",
        moment::text(at)
    );
    (text, json!({"relationship": relationship, "institution": institution, "at": at}))
}

/// Follows one hospital's notices, and opens the stream anew whenever it ends. A refusal ends it for good.
async fn follow(
    gatekeeper: Gatekeeper,
    key: Key,
    relationship: u64,
    news: mpsc::Sender<Result<News, Error>>,
) {
    loop {
        match stream(&gatekeeper, &key, relationship, &news).await {
            // The hospital ends it, after 15 minutes at most.
            Ok(true) => tokio::time::sleep(PAUSE).await,
            // Nobody listens any more.
            Ok(false) => return,
            Err(e @ Error::Silent { .. }) => {
                show::warn(&e.to_string());
                tokio::time::sleep(PAUSE).await;
            }
            Err(e) => {
                // If nobody listens any more there is nobody to tell.
                let _ = news.send(Err(e)).await;
                return;
            }
        }
    }
}

async fn stream(
    gatekeeper: &Gatekeeper,
    key: &Key,
    relationship: u64,
    news: &mpsc::Sender<Result<News, Error>>,
) -> Result<bool, Error> {
    let mut response = gatekeeper.notices(key, relationship).await?;
    let mut events = Events::default();
    while let Some(bytes) = gatekeeper.next(&mut response).await? {
        for _ in 0..events.take(&bytes) {
            let one = News { relationship, institution: gatekeeper.name.clone() };
            if news.send(Ok(one)).await.is_err() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Counts events `notice` in a `text/event-stream`; comments and other events are passed over.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    is_notice: bool,
}

impl Events {
    /// How many were completed by these bytes.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut complete = 0usize;
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    match line.as_slice() {
                        b"" => {
                            complete =
                                complete.saturating_add(usize::from(std::mem::take(&mut self.is_notice)))
                        }
                        b"event: notice" | b"event:notice" => self.is_notice = true,
                        _ => {}
                    }
                }
                b'\r' => {}
                byte if self.line.len() < MAX_LINE => self.line.push(*byte),
                _ => {}
            }
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_counted_however_the_stream_is_cut() {
        let stream = b": here\n\nevent: notice\ndata:\n\nevent: other\n\nevent:notice\r\n\r\n: still here\n\nevent: notice\n";
        assert_eq!(Events::default().take(stream), 2);
        let mut events = Events::default();
        assert_eq!(stream.iter().map(|byte| events.take(&[*byte])).sum::<usize>(), 2);
        assert_eq!(events.take(b"\n"), 1);
    }
}
