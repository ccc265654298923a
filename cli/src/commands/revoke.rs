use std::time::Duration;

use medrec_api::registrar::InstitutionResponse;
use medrec_api::relationship::ExecuteMsg;
use medrec_clients::Deployment;
use medrec_gate::Deed;
use medrec_wallet::{ContractRef, Key, Wallet};
use serde_json::json;

use crate::args::Global;
use crate::chain::Chain;
use crate::commands::read;
use crate::deeds::{self, Receipted};
use crate::gatekeeper::Gatekeeper;
use crate::home::Home;
use crate::session::{self, Session};
use crate::show::Shown;
use crate::{Error, known, mine, moment, viewing};

const EXAMPLES: &str = "\
The chain ends the grant, and the hospital follows it within seconds. With --direct, and whenever the chain cannot be
reached, the hospital is told as well: it obeys at once and signs for it.

Examples:
  medrec relationships                     shows your grants and their numbers
  medrec revoke 3 0                        ends grant 0 of relationship 3
  medrec revoke 3 0 --direct               at once, whatever the chain does";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship
    pub relationship: u64,
    /// Number of the grant
    pub grant: u32,
    /// Tell the hospital itself, and keep its receipt
    #[arg(long)]
    pub direct: bool,
    /// For carers with --direct: who keeps the record, the institution's number or name
    #[arg(long)]
    pub institution: Option<String>,
}

/// Once the hospital has been told, the chain is waited for no longer than this.
const PATIENCE: Duration = Duration::from_secs(15);

/// What each of the two ways came to; none where it was not gone.
struct Done {
    relationship: u64,
    grant: u32,
    /// The block, or why the chain has not ended the grant.
    chain: Result<u64, String>,
    direct: Option<Result<Receipted, Error>>,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let deployment = session::deployment(global)?;
    let (home, state, wallet) = session::unlock(global)?;
    match Chain::connect(&deployment).await {
        Ok(chain) => with_chain(args, &Session { home, state, wallet, chain }).await,
        Err(why) => without_chain(&args, &home, &wallet, &deployment, why).await,
    }
}

async fn with_chain(args: Args, session: &Session) -> Result<Shown, Error> {
    let (id, grant) = (args.relationship, args.grant);
    let (key, institution) = revoker(session, id).await?;
    let message = ExecuteMsg::Revoke { id, grant };
    let halted = session.chain.halted(moment::now()).await;
    if !args.direct && halted.is_none() {
        match session.chain.send(&key, &message).await {
            Ok(outcome) => {
                return shown(Done { relationship: id, grant, chain: Ok(outcome.height), direct: None });
            }
            Err(e) if !e.is_silence_of_the_chain() => return Err(e),
            Err(e) => {
                let direct = hand_over(&args, session, &key, institution).await;
                return shown(Done {
                    relationship: id,
                    grant,
                    chain: Err(e.to_string()),
                    direct: Some(direct),
                });
            }
        }
    }
    let direct = hand_over(&args, session, &key, institution).await;
    let chain = match halted {
        None => match tokio::time::timeout(PATIENCE, session.chain.send(&key, &message)).await {
            Ok(sent) => sent.map(|outcome| outcome.height).map_err(|e| e.to_string()),
            Err(_) => Err(format!("the transaction is in no block after {} s", PATIENCE.as_secs())),
        },
        Some(why) => Err(why),
    };
    shown(Done { relationship: id, grant, chain, direct: Some(direct) })
}

async fn hand_over(
    args: &Args,
    session: &Session,
    key: &Key,
    institution: Option<InstitutionResponse>,
) -> Result<Receipted, Error> {
    let institution = match institution {
        Some(institution) => institution,
        None => read::find(&session.chain, args.institution.as_deref()).await?,
    };
    direct(&session.home, &session.chain.contract, &institution, key, args).await
}

/// Nothing but the deployment file and what was seen before.
async fn without_chain(
    args: &Args,
    home: &Home,
    wallet: &Wallet,
    deployment: &Deployment,
    why: Error,
) -> Result<Shown, Error> {
    let (id, grant) = (args.relationship, args.grant);
    let known = known::all(home, wallet)?.into_iter().find(|one| one.relationship == id);
    let Some(known) = known else {
        return Err(Error::Failed(format!(
            "{why}. The hospital of relationship {id} cannot be told either: this wallet has not seen it before; try \
             again when the chain is back"
        )));
    };
    let address = deployment.contracts.relationship.address.clone();
    let contract = ContractRef { chain_id: deployment.chain_id.clone(), address };
    let direct = direct(home, &contract, &known.institution, &known.key(wallet)?, args).await;
    shown(Done { relationship: id, grant, chain: Err(why.to_string()), direct: Some(direct) })
}

async fn direct(
    home: &Home,
    contract: &ContractRef,
    institution: &InstitutionResponse,
    key: &Key,
    args: &Args,
) -> Result<Receipted, Error> {
    let gatekeeper = Gatekeeper::new(institution, contract)?;
    deeds::hand_over(home, &gatekeeper, key, args.relationship, Deed::Revoke { grant: args.grant }).await
}

/// Fails when the grant has ended nowhere, or a receipt does not verify.
fn shown(done: Done) -> Result<Shown, Error> {
    let Done { relationship: id, grant, chain, direct } = done;
    let mut text = Vec::new();
    let mut exit = 0;
    let (mut receipt, mut direct_error) = (None, None);
    match direct {
        None => {}
        Some(Ok(receipted)) => {
            let (name, file) = (&receipted.institution, receipted.evidence.display());
            text.push(format!(
                "{name} has ended grant {grant} of relationship {id} and signed for it ({file})."
            ));
            receipt = Some(receipted.json());
        }
        Some(Err(e)) => {
            if let Err(why) = &chain {
                let both = format!("grant {grant} of relationship {id} goes on: {e}; and the chain: {why}");
                return Err(if e.exit() == 3 { Error::Wrong(both) } else { Error::Failed(both) });
            }
            exit = e.exit();
            text.push(format!("The hospital has not signed for it: {e}."));
            direct_error = Some(e.to_string());
        }
    }
    match &chain {
        Ok(height) => text.push(format!("Grant {grant} of relationship {id} has ended (block {height}).")),
        Err(why) => text.push(format!(
            "On the chain the grant goes on: {why}.\nOnly the hospital knows so far; `medrec revoke {id} {grant}` again \
             when the chain is back."
        )),
    }
    text.push("What was read before stays read.".to_owned());
    let json = json!({
        "relationship": id, "grant": grant, "height": chain.as_ref().ok(), "chain_error": chain.as_ref().err(),
        "receipt": receipt, "direct_error": direct_error,
    });
    Ok(Shown { text: text.join("\n"), json, exit })
}

/// The patient's key, or a carer's; and the hospital, which a carer has to name.
async fn revoker(session: &Session, id: u64) -> Result<(Key, Option<InstitutionResponse>), Error> {
    match mine::one(session, id).await {
        Ok((mine, _)) => {
            let institution = match mine.secrets(&session.chain) {
                Ok((offer, _)) => Some(session.chain.registrar.institution(offer.institution).await?),
                Err(_) => None,
            };
            Ok((mine.signer()?.clone(), institution))
        }
        Err(Error::NotYours(_)) => {
            let carer = viewing::carer(session, id).await?;
            carer.map(|v| (v.key, None)).ok_or(Error::NotYours(id))
        }
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(chain: Result<u64, String>, direct: Option<Result<(), Error>>) -> Result<Shown, Error> {
        let receipted = || Receipted {
            institution: "North".into(),
            entry: 7,
            by: 100,
            evidence: "evidence/1-7.json".into(),
        };
        shown(Done {
            relationship: 3,
            grant: 0,
            chain,
            direct: direct.map(|told| told.map(|()| receipted())),
        })
    }

    #[test]
    fn a_grant_that_ended_nowhere_is_a_failure() {
        let halted = || Err("no block for 40 s".to_owned());
        let silent = Error::Silent { institution: "North".into(), why: "no connection".into() };
        let refused = done(halted(), Some(Err(silent))).unwrap_err();
        assert_eq!(refused.exit(), 1);
        assert!(refused.to_string().contains("goes on: North did not answer"), "{refused}");
        assert_eq!(done(halted(), Some(Err(Error::Wrong("forged".into())))).unwrap_err().exit(), 3);
    }

    #[test]
    fn what_each_of_the_two_did_is_said() {
        let chain = done(Ok(9), None).unwrap();
        assert_eq!((chain.exit, chain.json["height"].as_u64()), (0, Some(9)));
        assert!(chain.json["receipt"].is_null() && chain.text.contains("block 9"));
        let direct = done(Err("no block for 40 s".into()), Some(Ok(()))).unwrap();
        assert_eq!((direct.exit, direct.json["receipt"]["entry"].as_u64()), (0, Some(7)));
        assert!(direct.text.contains("signed for it (evidence/1-7.json)"), "{}", direct.text);
        assert!(direct.text.contains("On the chain the grant goes on: no block for 40 s"), "{}", direct.text);
        let untold = done(Ok(9), Some(Err(Error::Failed("away".into())))).unwrap();
        assert_eq!((untold.exit, untold.json["direct_error"].as_str()), (1, Some("away")));
    }
}
