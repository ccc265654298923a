//! Questions to the chain's modules and contracts.

use cosmrs::proto::cosmos::auth::v1beta1::{BaseAccount, QueryAccountRequest, QueryAccountResponse};
use cosmrs::proto::cosmos::bank::v1beta1::{QueryBalanceRequest, QueryBalanceResponse};
use cosmrs::proto::cosmos::base::v1beta1::Coin;
use cosmrs::proto::cosmos::feegrant::v1beta1::{
    AllowedMsgAllowance, BasicAllowance, PeriodicAllowance, QueryAllowanceRequest, QueryAllowanceResponse,
};
use cosmrs::proto::cosmos::tx::v1beta1::{SimulateRequest, SimulateResponse};
use cosmrs::proto::cosmwasm::wasm::v1::{
    QueryRawContractStateRequest, QueryRawContractStateResponse, QuerySmartContractStateRequest,
    QuerySmartContractStateResponse,
};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tendermint_rpc::Client;

use crate::rpc::to_height;
use crate::{Any, Error, FEE_DENOM, Result, Rpc};

/// What a signature needs to know of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Given once by the chain.
    pub number: u64,
    /// Number of transactions it has signed.
    pub sequence: u64,
}

/// What a granter pays for a grantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// `ufee` left; none = no limit.
    pub spend_limit: Option<u128>,
    /// Seconds since 1970 at which it ends; none = never.
    pub expires: Option<u64>,
    /// Message types it may pay for; none = any.
    pub messages: Option<Vec<String>>,
}

impl Rpc {
    /// A module query: `path` is `/package.Query/Method`, at the newest height or a given one.
    pub async fn query<Req, Res>(&self, path: &str, req: Req, height: Option<u64>) -> Result<Res>
    where
        Req: Message,
        Res: Message + Default,
    {
        let height = height.map(to_height).transpose()?;
        let answer = self
            .http
            .abci_query(Some(path.to_owned()), req.encode_to_vec(), height, false)
            .await
            .map_err(|e| self.failed("abci_query", e))?;
        // What a node of the SDK says of a state it has thrown away, or has not yet.
        if answer.code.is_err() && answer.log.contains("failed to load state at height") {
            return Err(Error::Pruned {
                operation: "abci_query",
                node: self.node().to_owned(),
                lowest: None,
            });
        }
        if answer.code.is_err() {
            return Err(Error::Query {
                path: path.to_owned(),
                code: answer.code.value(),
                codespace: answer.codespace,
                log: answer.log,
            });
        }
        decode(&answer.value, || format!("answer to {path}"))
    }

    /// A contract's answer at the newest height.
    pub async fn smart<Q, R>(&self, contract: &str, query: &Q) -> Result<R>
    where
        Q: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        self.smart_at(contract, query, None).await
    }

    /// A contract's answer at a height (`None`: the newest).
    pub async fn smart_at<Q, R>(&self, contract: &str, query: &Q, height: Option<u64>) -> Result<R>
    where
        Q: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let query_data = serde_json::to_vec(query)
            .map_err(|e| Error::Codec { what: format!("query to {contract}"), reason: e.to_string() })?;
        let req = QuerySmartContractStateRequest { address: contract.to_owned(), query_data };
        let res: QuerySmartContractStateResponse = self
            .query("/cosmwasm.wasm.v1.Query/SmartContractState", req, height)
            .await
            .map_err(|e| of_contract(contract, e))?;
        serde_json::from_slice(&res.data)
            .map_err(|e| Error::Codec { what: format!("answer of {contract}"), reason: e.to_string() })
    }

    /// The bytes under a storage key of a contract; none if there are none.
    pub async fn raw(&self, contract: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let req = QueryRawContractStateRequest { address: contract.to_owned(), query_data: key.to_vec() };
        let res: QueryRawContractStateResponse = self
            .query("/cosmwasm.wasm.v1.Query/RawContractState", req, None)
            .await
            .map_err(|e| of_contract(contract, e))?;
        // The chain cannot hold an empty value, so empty is absent.
        Ok((!res.data.is_empty()).then_some(res.data))
    }

    /// Number and sequence of an account; none if the chain has never seen it.
    pub async fn account(&self, address: &str) -> Result<Option<Account>> {
        let req = QueryAccountRequest { address: address.to_owned() };
        let asked = self.query("/cosmos.auth.v1beta1.Query/Account", req, None).await;
        let Some(res): Option<QueryAccountResponse> = or_absent(asked)? else { return Ok(None) };
        let any = res.account.unwrap_or_default();
        if any.type_url != "/cosmos.auth.v1beta1.BaseAccount" {
            let reason = format!("it is a {:?}, which cannot sign", any.type_url);
            return Err(Error::Codec { what: format!("account {address}"), reason });
        }
        let base: BaseAccount = decode(&any.value, || format!("account {address}"))?;
        Ok(Some(Account { number: base.account_number, sequence: base.sequence }))
    }

    /// Balance in the denom's smallest unit; 0 if it holds none.
    pub async fn balance(&self, address: &str, denom: &str) -> Result<u128> {
        let req = QueryBalanceRequest { address: address.to_owned(), denom: denom.to_owned() };
        let res: QueryBalanceResponse = self.query("/cosmos.bank.v1beta1.Query/Balance", req, None).await?;
        res.balance.map_or(Ok(0), |coin| amount(&coin))
    }

    /// The fee allowance `granter` gives `grantee`; none if there is none.
    pub async fn allowance(&self, granter: &str, grantee: &str) -> Result<Option<Allowance>> {
        let req = QueryAllowanceRequest { granter: granter.to_owned(), grantee: grantee.to_owned() };
        let asked = self.query("/cosmos.feegrant.v1beta1.Query/Allowance", req, None).await;
        let res: Option<QueryAllowanceResponse> = or_absent(asked)?;
        match res.and_then(|r| r.allowance).and_then(|grant| grant.allowance) {
            None => Ok(None),
            Some(any) => read_allowance(&any).map(Some),
        }
    }

    /// Gas a transaction would use now. Signatures are not checked and may be empty.
    pub async fn simulate(&self, tx_bytes: Vec<u8>) -> Result<u64> {
        let req = SimulateRequest { tx_bytes, ..Default::default() };
        let asked = self.query("/cosmos.tx.v1beta1.Service/Simulate", req, None).await;
        let res: SimulateResponse = asked.map_err(|e| of_simulation(self.node(), e))?;
        match res.gas_info {
            Some(info) => Ok(info.gas_used),
            None => Err(Error::Codec { what: "simulation".into(), reason: "no gas figure".into() }),
        }
    }
}

/// `NotFound` is an answer, not a failure.
fn or_absent<T>(asked: Result<T>) -> Result<Option<T>> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}

fn of_contract(contract: &str, error: Error) -> Error {
    match error {
        Error::Query { code, log, .. } => Error::Contract { contract: contract.to_owned(), code, log },
        other => other,
    }
}

fn of_simulation(node: &str, error: Error) -> Error {
    match error {
        Error::Query { log, .. } if log.starts_with("unknown query path") => {
            Error::NoSimulation { node: node.to_owned() }
        }
        Error::Query { log, .. } => {
            let reason = words_of(&log);
            match reason.starts_with("recovered: ") {
                // The node broke down over the question, as one does that has just started and knows no block time:
                // that says nothing of the transaction.
                true => Error::Unreachable {
                    operation: "simulate",
                    node: node.to_owned(),
                    reason: reason.lines().next().unwrap_or_default().trim_end().to_owned(),
                },
                false => Error::WouldFail { log: reason.to_owned() },
            }
        }
        other => other,
    }
}

/// The reason alone, of `rpc error: code = … desc = REASON [file.go:1] with gas used: '1': unknown request`.
fn words_of(log: &str) -> &str {
    let from_reason = log.split_once(" desc = ").map_or(log, |(_, rest)| rest);
    let reason = from_reason.rsplit_once(" with gas used: ").map_or(from_reason, |(reason, _)| reason);
    match reason.rsplit_once(" [") {
        Some((words, place)) if place.contains(".go:") => words,
        _ => reason,
    }
}

fn decode<M: Message + Default>(bytes: &[u8], what: impl FnOnce() -> String) -> Result<M> {
    M::decode(bytes).map_err(|e| Error::Codec { what: what(), reason: e.to_string() })
}

fn amount(coin: &Coin) -> Result<u128> {
    coin.amount
        .parse()
        .map_err(|_| Error::Codec { what: format!("amount of {}", coin.denom), reason: coin.amount.clone() })
}

fn read_allowance(any: &Any) -> Result<Allowance> {
    let what = || format!("allowance {}", any.type_url);
    match any.type_url.as_str() {
        "/cosmos.feegrant.v1beta1.BasicAllowance" => basic(&decode(&any.value, what)?),
        "/cosmos.feegrant.v1beta1.PeriodicAllowance" => {
            let periodic: PeriodicAllowance = decode(&any.value, what)?;
            basic(&periodic.basic.unwrap_or_default())
        }
        "/cosmos.feegrant.v1beta1.AllowedMsgAllowance" => {
            let limited: AllowedMsgAllowance = decode(&any.value, what)?;
            // Neither the chain nor we allow nesting deeper than one.
            match limited.allowance {
                Some(inner) if inner.type_url != any.type_url => {
                    Ok(Allowance { messages: Some(limited.allowed_messages), ..read_allowance(&inner)? })
                }
                _ => Err(Error::Codec { what: what(), reason: "it wraps nothing usable".into() }),
            }
        }
        _ => Err(Error::Codec { what: what(), reason: "unknown kind".into() }),
    }
}

fn basic(basic: &BasicAllowance) -> Result<Allowance> {
    // An empty list means no limit; a list without our denom means nothing of it.
    let spend_limit = if basic.spend_limit.is_empty() {
        None
    } else {
        Some(basic.spend_limit.iter().find(|c| c.denom == FEE_DENOM).map_or(Ok(0), amount)?)
    };
    let expires = basic
        .expiration
        .as_ref()
        .map(|t| u64::try_from(t.seconds).map_err(|_| Error::Range { what: "allowance expiry" }))
        .transpose()?;
    Ok(Allowance { spend_limit, expires, messages: None })
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
