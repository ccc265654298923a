//! One hospital's part of the record: every scope of one relationship, read and checked.

use futures::StreamExt as _;
use medrec_rules::Purpose;

use crate::Error;
use crate::anchor::Vouch;
use crate::changes::{self, Ground};
use crate::gatekeeper::Gatekeeper;
use crate::mine::Mine;
use crate::progress::Progress;
use crate::reading::{self, Item, ScopeRead, Wanted};
use crate::session::Session;

/// Scopes of one hospital read at once: a gatekeeper admits as many from one signer and more.
const TOGETHER: usize = 4;

/// What one hospital gave.
#[derive(Default)]
pub struct Source {
    pub relationship: u64,
    pub institution: Option<String>,
    pub reads: Vec<ScopeRead>,
    /// Everything that did not verify.
    pub findings: Vec<String>,
    /// Why it gave nothing, or not all.
    pub failure: Option<String>,
    /// It did not answer at all.
    pub silent: bool,
}

impl Source {
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.reads.iter().flat_map(|read| &read.items)
    }

    /// For people.
    pub fn name(&self) -> String {
        self.institution.clone().unwrap_or_else(|| format!("relationship {}", self.relationship))
    }

    fn take(&mut self, error: &Error) {
        match error.exit() {
            3 => self.findings.push(error.to_string()),
            _ => {
                self.silent |= matches!(error, Error::Silent { .. });
                self.failure.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

/// Several relationships, at once.
pub async fn read_all(session: &Session, mine: &[&Mine], scopes: &[String]) -> Vec<Source> {
    futures::future::join_all(mine.iter().map(|mine| read(session, mine, scopes))).await
}

/// Reads scopes of one relationship, all of them if none is named; what fails is part of the result, as other hospitals
/// still answer.
pub async fn read(session: &Session, mine: &Mine, scopes: &[String]) -> Source {
    let mut source = Source { relationship: mine.state.id, ..Source::default() };
    if let Err(e) = fill(session, mine, scopes, &mut source).await {
        source.take(&e);
    }
    source
}

async fn fill(session: &Session, mine: &Mine, scopes: &[String], source: &mut Source) -> Result<(), Error> {
    let chain = &session.chain;
    let (offer, root) = mine.secrets(chain)?;
    let institution = chain.registrar.institution(offer.institution).await?;
    source.institution = Some(institution.name.clone());
    let gatekeeper = Gatekeeper::new(&institution, &chain.contract)?;
    let (vouch, there) = tokio::join!(Vouch::of(chain, &gatekeeper.log), gatekeeper.log.scopes());
    let (vouch, there) = (vouch?, there?);
    let is_wanted = |scope: &String| scopes.is_empty() || scopes.contains(scope);
    let chosen: Vec<String> = there.into_iter().map(|scope| scope.scope).filter(is_wanted).collect();
    let key = mine.signer()?;
    let progress = Progress::new(u64::try_from(chosen.len()).unwrap_or_default(), &institution.name);
    let read = async |scope: &String| {
        let wanted =
            Wanted { relationship: mine.state.id, scope, purpose: Purpose::PatientRequest, card: None, key };
        let read = reading::read(chain, &session.home, &gatekeeper, &vouch, &wanted).await;
        progress.step();
        read
    };
    let reads: Vec<Result<ScopeRead, Error>> =
        futures::stream::iter(chosen.iter().map(read)).buffered(TOGETHER).collect().await;
    for (scope, read) in chosen.iter().zip(reads) {
        match read {
            Ok(read) => {
                source.findings.extend(read.findings.iter().map(|f| format!("{scope}: {f}")));
                source.reads.push(read);
            }
            Err(e) => source.take(&e),
        }
    }
    let ground = Ground {
        contract: &chain.contract,
        gatekeeper: &gatekeeper,
        vouch: &vouch,
        root: &root,
        key,
        relationship: mine.state.id,
    };
    source.findings.extend(changes::explain(&ground, &mut source.reads).await?);
    Ok(())
}
