//! Decisions of the consortium: one transaction that its members sign together.

use cosmrs::proto::cosmos::base::query::v1beta1::PageRequest;
use cosmrs::{
    Any,
    proto::cosmos::{
        base::v1beta1::Coin,
        gov::v1::{MsgSubmitProposal, MsgVote, QueryProposalsRequest, QueryProposalsResponse, VoteOption},
    },
};
use medrec_clients::{Rpc, Signer, TxOutcome, any};

use crate::{
    Error, Localnet,
    genesis::{GOV_DEPOSIT, POLICY, STAKE_DENOM},
    proto::{EXEC_TRY, circuit, group},
};

/// `tx_sig_limit` of x/auth. Of ten members seven are enough.
const SIGNERS: usize = 7;

/// What only x/gov may do is off, but while the policy asks for it.
const GOV_SUBMIT: &str = "/cosmos.gov.v1.MsgSubmitProposal";
const GOV_VOTE: &str = "/cosmos.gov.v1.MsgVote";

impl Localnet {
    /// Submits a group proposal that its signers accept by signing, and that is executed in the same transaction.
    /// All of `messages` (signer: the policy) are done, or none and an error.
    pub async fn decide(&self, title: &str, messages: Vec<Any>) -> Result<TxOutcome, Error> {
        let signers: Vec<&Signer> = self.operators().iter().take(SIGNERS).collect();
        let proposal = group::MsgSubmitProposal {
            group_policy_address: POLICY.to_owned(),
            proposers: signers.iter().map(|signer| signer.address().to_owned()).collect(),
            messages,
            exec: EXEC_TRY,
            title: title.to_owned(),
            summary: title.to_owned(),
            ..Default::default()
        };
        let rpc = self.any_rpc().await?;
        let outcome = rpc.send_many(&self.chain()?, &signers, vec![any(&proposal)], None).await?;
        executed(title, outcome)
    }

    /// As [`Localnet::decide`], with message types that x/circuit disables allowed for the time of these messages.
    pub async fn decide_opening(
        &self,
        title: &str,
        doors: &[&str],
        messages: Vec<Any>,
    ) -> Result<TxOutcome, Error> {
        let urls = || doors.iter().map(|door| (*door).to_owned()).collect();
        let open = circuit::MsgResetCircuitBreaker { authority: POLICY.to_owned(), msg_type_urls: urls() };
        let close = circuit::MsgTripCircuitBreaker { authority: POLICY.to_owned(), msg_type_urls: urls() };
        let mut all = vec![any(&open)];
        all.extend(messages);
        all.push(any(&close));
        self.decide(title, all).await
    }

    /// Has x/gov do what only it may: the policy submits and votes in one group proposal. The vote ends two seconds
    /// later; the caller asks whether it was done.
    pub async fn decide_by_gov(&self, title: &str, messages: Vec<Any>) -> Result<TxOutcome, Error> {
        let rpc = self.any_rpc().await?;
        let proposal_id = next_gov_proposal(&rpc).await?;
        let submit = MsgSubmitProposal {
            messages,
            initial_deposit: vec![Coin { denom: STAKE_DENOM.to_owned(), amount: GOV_DEPOSIT.to_string() }],
            proposer: POLICY.to_owned(),
            metadata: String::new(),
            title: title.to_owned(),
            summary: title.to_owned(),
            ..Default::default()
        };
        let vote = MsgVote {
            proposal_id,
            voter: POLICY.to_owned(),
            option: VoteOption::Yes.into(),
            metadata: String::new(),
        };
        self.decide_opening(title, &[GOV_SUBMIT, GOV_VOTE], vec![any(&submit), any(&vote)]).await
    }
}

/// The id that x/gov gives next: proposals with their full deposit are never deleted.
async fn next_gov_proposal(rpc: &Rpc) -> Result<u64, Error> {
    let newest = PageRequest { limit: 1, reverse: true, ..Default::default() };
    let request = QueryProposalsRequest { pagination: Some(newest), ..Default::default() };
    let found: QueryProposalsResponse = rpc.query("/cosmos.gov.v1.Query/Proposals", request, None).await?;
    Ok(found.proposals.first().map_or(0, |proposal| proposal.id).saturating_add(1))
}

/// A group proposal whose messages fail leaves a transaction that succeeded: the event of x/group tells.
fn executed(title: &str, outcome: TxOutcome) -> Result<TxOutcome, Error> {
    let refuse = |reason: &str| Err(Error::Proposal { title: title.to_owned(), reason: reason.to_owned() });
    // The attributes of typed events are JSON.
    let result = outcome.events.iter().find(|event| event.kind == "cosmos.group.v1.EventExec");
    match result
        .map(|event| (event.value("result").unwrap_or_default(), event.value("logs").unwrap_or_default()))
    {
        Some(("\"PROPOSAL_EXECUTOR_RESULT_SUCCESS\"", _)) => Ok(outcome),
        Some((_, logs)) => refuse(logs.trim_matches('"')),
        None => refuse("the members' votes did not suffice"),
    }
}

#[cfg(test)]
mod tests {
    use medrec_clients::Event;

    use super::*;

    fn outcome(events: Vec<Event>) -> TxOutcome {
        TxOutcome {
            height: 1,
            code: 0,
            codespace: String::new(),
            log: String::new(),
            gas_used: 1,
            gas_wanted: 1,
            events,
            size_bytes: 1,
        }
    }

    fn exec(result: &str, logs: &str) -> Event {
        let attributes =
            vec![("logs".to_owned(), format!("{logs:?}")), ("result".to_owned(), format!("{result:?}"))];
        Event { kind: "cosmos.group.v1.EventExec".to_owned(), attributes }
    }

    #[test]
    fn a_transaction_that_succeeded_is_not_yet_a_decision() {
        assert!(executed("t", outcome(vec![exec("PROPOSAL_EXECUTOR_RESULT_SUCCESS", "")])).is_ok());
        let failed =
            executed("t", outcome(vec![exec("PROPOSAL_EXECUTOR_RESULT_FAILURE", "no money")])).unwrap_err();
        assert_eq!(failed.to_string(), "group proposal `t` was not executed: no money");
        assert!(executed("t", outcome(vec![])).unwrap_err().to_string().contains("did not suffice"));
    }
}
