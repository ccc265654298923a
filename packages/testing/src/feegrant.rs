//! x/feegrant as far as a contract sees it: one allowance per (granter, grantee), refused while another is there.

use cosmrs::proto::cosmos::feegrant::v1beta1::{AllowedMsgAllowance, BasicAllowance, MsgGrantAllowance};
use cosmrs::proto::traits::Message;
use cosmwasm_std::{
    Addr, AnyMsg, Api, BlockInfo, CustomMsg, CustomQuery, StdError, StdResult, Storage, from_json,
    to_json_vec,
};
use cw_multi_test::{AppResponse, CosmosRouter, Stargate};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Seconds after its end in which x/feegrant may still hold an allowance, as it prunes some each block.
const PRUNING: u64 = 60;
const KEY: &[u8] = b"feegrant";

/// An allowance as the message gave it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GivenAllowance {
    pub granter: String,
    pub grantee: String,
    pub denom: String,
    pub amount: String,
    /// Seconds since 1970.
    pub ends: u64,
    pub allowed_messages: Vec<String>,
    /// Gone: spent to the last coin, which removes it in x/feegrant.
    pub drained: bool,
}

/// Takes `MsgGrantAllowance` and nothing else; records in the chain's storage, so that a failed message leaves none.
pub struct Feegrant;

impl Feegrant {
    /// Every allowance ever given, in order.
    pub fn given(storage: &dyn Storage) -> Vec<GivenAllowance> {
        storage.get(KEY).map(|bytes| from_json(bytes).expect("own JSON")).unwrap_or_default()
    }

    /// The grantee spends all he has.
    pub fn drain(storage: &mut dyn Storage, grantee: &str) {
        let mut given = Self::given(storage);
        given.iter_mut().filter(|allowance| allowance.grantee == grantee).for_each(|a| a.drained = true);
        storage.set(KEY, &to_json_vec(&given).expect("own JSON"));
    }
}

fn refused(reason: impl std::fmt::Display) -> StdError {
    StdError::msg(format!("feegrant: {reason}"))
}

fn read(msg: &AnyMsg) -> StdResult<GivenAllowance> {
    if msg.type_url != "/cosmos.feegrant.v1beta1.MsgGrantAllowance" {
        return Err(refused(format!("unexpected message {}", msg.type_url)));
    }
    let grant = MsgGrantAllowance::decode(msg.value.as_slice())?;
    let any = grant.allowance.ok_or_else(|| refused("no allowance"))?;
    if any.type_url != "/cosmos.feegrant.v1beta1.AllowedMsgAllowance" {
        return Err(refused(format!("unexpected allowance {}", any.type_url)));
    }
    let allowed = AllowedMsgAllowance::decode(any.value.as_slice())?;
    let any = allowed.allowance.ok_or_else(|| refused("no inner allowance"))?;
    if any.type_url != "/cosmos.feegrant.v1beta1.BasicAllowance" {
        return Err(refused(format!("unexpected inner allowance {}", any.type_url)));
    }
    let basic = BasicAllowance::decode(any.value.as_slice())?;
    let [coin] = basic.spend_limit.as_slice() else { return Err(refused("not one coin")) };
    let ends = basic.expiration.ok_or_else(|| refused("no end"))?;
    Ok(GivenAllowance {
        granter: grant.granter,
        grantee: grant.grantee,
        denom: coin.denom.clone(),
        amount: coin.amount.clone(),
        ends: u64::try_from(ends.seconds)?,
        allowed_messages: allowed.allowed_messages,
        drained: false,
    })
}

impl Stargate for Feegrant {
    fn execute_any<ExecC, QueryC>(
        &self,
        _api: &dyn Api,
        storage: &mut dyn Storage,
        _router: &dyn CosmosRouter<ExecC = ExecC, QueryC = QueryC>,
        block: &BlockInfo,
        sender: Addr,
        msg: AnyMsg,
    ) -> StdResult<AppResponse>
    where
        ExecC: CustomMsg + DeserializeOwned + 'static,
        QueryC: CustomQuery + DeserializeOwned + 'static,
    {
        let new = read(&msg)?;
        if new.granter != sender.as_str() {
            return Err(refused("the granter is not the sender"));
        }
        let now = block.time.seconds();
        if new.ends <= now {
            return Err(refused("ends in the past"));
        }
        let mut given = Self::given(storage);
        let held = |old: &&GivenAllowance| {
            old.grantee == new.grantee && !old.drained && now < old.ends.saturating_add(PRUNING)
        };
        if given.iter().find(held).is_some() {
            return Err(refused("fee allowance already exists"));
        }
        given.push(new);
        storage.set(KEY, &to_json_vec(&given)?);
        Ok(AppResponse::default())
    }
}
