//! Admission of stewards' delegates: all institutions' together and shuffled, so that the order tells nothing.

use std::collections::BTreeSet;

use medrec_api::relationship::ExecuteMsg;
use medrec_clients::{Chain, Rpc, Signer, TxOutcome, execute};

use crate::{Error, genesis};

/// Delegates in one transaction: a limit of the contract.
const BATCH: usize = 100;

/// Has the sponsor admit delegates, a hundred in a transaction. Returns the transactions' outcomes.
pub async fn admit(
    rpc: &Rpc,
    chain: &Chain,
    sponsor: &Signer,
    relationship: &str,
    delegates: Vec<String>,
) -> Result<Vec<TxOutcome>, Error> {
    check(&delegates)?;
    let mut outcomes = Vec::new();
    for batch in shuffled(delegates)?.chunks(BATCH) {
        let admit = ExecuteMsg::Admit { delegates: batch.to_vec() };
        let message = execute(sponsor.address(), relationship, &admit, &[])?;
        outcomes.push(rpc.send(chain, sponsor, vec![message], None).await?);
    }
    Ok(outcomes)
}

/// All or none: a wrong address in the middle must not leave half of them admitted.
fn check(delegates: &[String]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for delegate in delegates {
        genesis::check_address(delegate)?;
        if !seen.insert(delegate) {
            let reason = "it is given twice".to_owned();
            return Err(Error::Address { address: delegate.clone(), reason });
        }
    }
    Ok(())
}

/// Uniformly: sorted by random 128-bit numbers.
fn shuffled(items: Vec<String>) -> Result<Vec<String>, Error> {
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        let mut key = [0u8; 16];
        getrandom::fill(&mut key).map_err(|error| Error::Start {
            what: "the random generator".into(),
            source: std::io::Error::other(error.to_string()),
        })?;
        keyed.push((key, item));
    }
    keyed.sort_unstable();
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffling_keeps_all_and_the_order_of_none() {
        let items: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let mut first = shuffled(items.clone()).unwrap();
        assert_ne!(first, items);
        assert_ne!(first, shuffled(items.clone()).unwrap());
        first.sort_by_key(|item| item.parse::<u32>().unwrap());
        assert_eq!(first, items);
    }

    #[test]
    fn one_wrong_address_stops_all() {
        let policy = genesis::POLICY.to_owned();
        assert!(check(std::slice::from_ref(&policy)).is_ok());
        assert!(check(&[policy.clone(), "medrec1x".to_owned()]).is_err());
        assert!(check(&[policy.clone(), policy]).unwrap_err().to_string().contains("twice"));
    }
}
