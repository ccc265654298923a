//! Building and signing transactions (SIGN_MODE_DIRECT, secp256k1).

use cosmrs::crypto::PublicKey;
use cosmrs::proto::cosmos::base::v1beta1::Coin;
use cosmrs::proto::cosmos::tx::signing::v1beta1::SignMode;
use cosmrs::proto::cosmos::tx::v1beta1::{
    AuthInfo, Fee, ModeInfo, SignDoc, SignerInfo, TxBody, TxRaw, mode_info,
};
use cosmrs::proto::cosmwasm::wasm::v1::MsgExecuteContract;
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::Signer as _;
use prost::{Message, Name};
use serde::Serialize;

use crate::{Account, Any, Error, Result};

/// Human-readable part of every address.
pub const PREFIX: &str = "medrec";
/// Denom fees are paid in.
pub const FEE_DENOM: &str = "ufee";

/// A key that signs transactions. The secret is wiped when it is dropped and never printed.
pub struct Signer {
    key: SigningKey,
    public_key: [u8; 33],
    address: String,
}

impl Signer {
    /// From a 32-byte secp256k1 private key.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self> {
        let key = SigningKey::from_slice(secret).map_err(|_| Error::Secret)?;
        let point = *key.verifying_key();
        let public_key = point.to_encoded_point(true).as_bytes().try_into().map_err(|_| Error::Secret)?;
        let address = PublicKey::from(point)
            .account_id(PREFIX)
            .map_err(|e| Error::Codec { what: "address of a public key".into(), reason: e.to_string() })?
            .to_string();
        Ok(Self { key, public_key, address })
    }

    /// bech32(`medrec`, RIPEMD-160(SHA-256(public key))).
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Compressed, 33 bytes.
    pub fn public_key(&self) -> [u8; 33] {
        self.public_key
    }

    fn info(&self, sequence: u64) -> SignerInfo {
        let key = cosmrs::proto::cosmos::crypto::secp256k1::PubKey { key: self.public_key.to_vec() };
        let single = mode_info::Single { mode: SignMode::Direct.into() };
        SignerInfo {
            public_key: Some(any(&key)),
            mode_info: Some(ModeInfo { sum: Some(mode_info::Sum::Single(single)) }),
            sequence,
        }
    }

    /// r ‖ s, low-S, deterministic (RFC 6979).
    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: k256::ecdsa::Signature = self.key.sign(bytes);
        signature.to_vec()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A transaction before it is signed.
#[derive(Clone, Debug, Default)]
pub struct Tx {
    /// Messages, done in order, all or none.
    pub msgs: Vec<Any>,
    /// Fee in `ufee`.
    pub fee_amount: u64,
    /// Gas limit.
    pub gas: u64,
    /// Who pays the fee by x/feegrant; none: the first signer.
    pub granter: Option<String>,
    /// Last height at which it may be committed; 0 = no limit.
    pub timeout_height: u64,
}

impl Tx {
    /// Signs for every signer, in the order the messages require them, and returns the bytes to broadcast.
    pub fn sign(&self, chain_id: &str, signers: &[(&Signer, Account)]) -> Result<Vec<u8>> {
        let (body_bytes, auth_info_bytes) = self.encode(signers)?;
        let signatures = signers
            .iter()
            .map(|(signer, account)| {
                let doc = SignDoc {
                    body_bytes: body_bytes.clone(),
                    auth_info_bytes: auth_info_bytes.clone(),
                    chain_id: chain_id.to_owned(),
                    account_number: account.number,
                };
                signer.sign(&doc.encode_to_vec())
            })
            .collect();
        Ok(TxRaw { body_bytes, auth_info_bytes, signatures }.encode_to_vec())
    }

    /// The bytes to simulate: empty signatures, so that what a node is shown cannot be broadcast.
    pub fn unsigned(&self, signers: &[(&Signer, Account)]) -> Result<Vec<u8>> {
        let (body_bytes, auth_info_bytes) = self.encode(signers)?;
        let signatures = signers.iter().map(|_| Vec::new()).collect();
        Ok(TxRaw { body_bytes, auth_info_bytes, signatures }.encode_to_vec())
    }

    fn encode(&self, signers: &[(&Signer, Account)]) -> Result<(Vec<u8>, Vec<u8>)> {
        if signers.is_empty() {
            return Err(Error::NoSigner);
        }
        let body =
            TxBody { messages: self.msgs.clone(), timeout_height: self.timeout_height, ..TxBody::default() };
        let fee = Fee {
            amount: match self.fee_amount {
                0 => vec![],
                amount => vec![Coin { denom: FEE_DENOM.into(), amount: amount.to_string() }],
            },
            gas_limit: self.gas,
            payer: String::new(),
            granter: self.granter.clone().unwrap_or_default(),
        };
        let signer_infos = signers.iter().map(|(signer, account)| signer.info(account.sequence)).collect();
        let auth = AuthInfo { signer_infos, fee: Some(fee), ..AuthInfo::default() };
        Ok((body.encode_to_vec(), auth.encode_to_vec()))
    }
}

/// Any message of the chain, wrapped under its type URL.
pub fn any<M: Message + Name>(message: &M) -> Any {
    Any { type_url: format!("/{}", M::full_name()), value: message.encode_to_vec() }
}

/// A call of a contract.
pub fn execute<M: Serialize + ?Sized>(sender: &str, contract: &str, msg: &M, funds: &[Coin]) -> Result<Any> {
    let msg = serde_json::to_vec(msg)
        .map_err(|e| Error::Codec { what: format!("message to {contract}"), reason: e.to_string() })?;
    Ok(any(&MsgExecuteContract {
        sender: sender.to_owned(),
        contract: contract.to_owned(),
        msg,
        funds: funds.to_vec(),
    }))
}

#[cfg(test)]
#[path = "tx_tests.rs"]
mod tests;
