//! The consortium: one x/group policy account that owns the stake, uploads, instantiates and administers.

use serde_json::{Value, json};

use super::{STAKE_DENOM, Spec, set};
use crate::Error;

/// Address of the first group policy, a constant for the prefix `medrec`: genesis may name it.
pub const POLICY: &str = "medrec1afk9zr2hn2jsac63h4hm60vl9z3e5u69gndzf7c99cqge3vzwjzs4smtwl";
/// Deposit of a proposal in x/gov, all of it due at submission, in ustake.
pub const GOV_DEPOSIT: u128 = 10_000_000;
/// When the group was made; any moment before the first block does.
const FOUNDED: &str = "2026-01-01T00:00:00Z";

pub(super) fn write(genesis: &mut Value, spec: &Spec) -> Result<(), Error> {
    set(genesis, "/app_state/group", group(spec, &format!("{}s", spec.voting_period.as_secs().max(1))))?;
    set(
        genesis,
        "/app_state/circuit/account_permissions",
        json!([{ "address": POLICY, "permissions": { "level": "LEVEL_SUPER_ADMIN", "limit_type_urls": [] } }]),
    )?;
    set(
        genesis,
        "/app_state/wasm/params",
        json!({
            "code_upload_access": { "permission": "AnyOfAddresses", "addresses": [POLICY] },
            // Means: the creator of the code only.
            "instantiate_default_permission": "AnyOfAddresses",
        }),
    )?;
    gov(genesis)
}

fn group(spec: &Spec, voting_period: &str) -> Value {
    let members: Vec<Value> = spec
        .validators
        .iter()
        .map(|validator| {
            let member = json!({
                "address": validator.operator, "weight": "1", "metadata": "", "added_at": FOUNDED,
            });
            json!({ "group_id": "1", "member": member })
        })
        .collect();
    json!({
        "group_seq": "1",
        "groups": [{
            "id": "1", "admin": POLICY, "metadata": "consortium", "version": "1",
            "total_weight": members.len().to_string(), "created_at": FOUNDED,
        }],
        "group_members": members,
        "group_policy_seq": "1",
        "group_policies": [{
            "address": POLICY, "group_id": "1", "admin": POLICY, "metadata": "consortium", "version": "1",
            "decision_policy": {
                "@type": "/cosmos.group.v1.PercentageDecisionPolicy",
                "percentage": "0.67",
                "windows": { "voting_period": voting_period, "min_execution_period": "0s" },
            },
            "created_at": FOUNDED,
        }],
        "proposal_seq": "0",
        "proposals": [],
        "votes": [],
    })
}

/// x/gov acts only through the policy (its two messages are off), so it may be quick.
fn gov(genesis: &mut Value) -> Result<(), Error> {
    let params = "/app_state/gov/params";
    let deposit = |amount: u128| json!([{ "denom": STAKE_DENOM, "amount": amount.to_string() }]);
    set(genesis, &format!("{params}/min_deposit"), deposit(GOV_DEPOSIT))?;
    set(genesis, &format!("{params}/expedited_min_deposit"), deposit(GOV_DEPOSIT.saturating_mul(2)))?;
    set(genesis, &format!("{params}/min_initial_deposit_ratio"), "1.0".into())?;
    // The policy's vote travels with the proposal and nobody else can vote: nothing to wait for.
    set(genesis, &format!("{params}/voting_period"), "2s".into())?;
    set(genesis, &format!("{params}/expedited_voting_period"), "1s".into())?;
    for burn in ["burn_vote_quorum", "burn_proposal_deposit_prevote", "burn_vote_veto"] {
        set(genesis, &format!("{params}/{burn}"), false.into())?;
    }
    Ok(())
}
