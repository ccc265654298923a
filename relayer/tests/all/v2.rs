//! A model of how MedRec v2 knew who asks, after its published code (mitmedialab/medrec, commit
//! 3e63800480b43df3a49bc740fbb29b7d9997f0d8, `DatabaseManager/remoteRPC/`):
//!
//! - auth.go, `AuthenticatePatient`: the signature is over the time alone; refused only if `elapsed > 10` seconds, so
//!   a time to come is always taken; a time that is no number counts as 0; the signer must be a known account.
//! - documentRequest.go, `PatientDocuments`: that, and nothing else of the call, is looked at.
//! - permissions.go, `AddPermission`: no signature at all.
//!
//! Recovery is of secp256k1 as there; SHA-256 in the place of Keccak plays no part in what is shown.

use std::collections::BTreeSet;

use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// A call as it travels: everything but time and signature is free text to the authentication.
#[derive(Clone, Debug)]
pub struct Call {
    pub host: String,
    pub method: String,
    pub arguments: String,
    pub time: String,
    pub signature: Vec<u8>,
}

/// A provider's server.
#[derive(Default)]
pub struct Server {
    pub accounts: BTreeSet<Vec<u8>>,
}

impl Call {
    pub fn signed(key: &SigningKey, time: i64) -> Self {
        let time = time.to_string();
        let (signature, recovery) = key.sign_prehash_recoverable(&Sha256::digest(&time)).unwrap();
        Self {
            host: "north.example".into(),
            method: "MedRecRemote.PatientDocuments".into(),
            arguments: "{\"PatientID\": 1}".into(),
            time,
            signature: [signature.to_bytes().as_slice(), &[recovery.to_byte()]].concat(),
        }
    }
}

impl Server {
    pub fn knows(key: &SigningKey) -> Self {
        Self { accounts: BTreeSet::from([account(key.verifying_key())]) }
    }

    /// Whether the call is carried out, `now` in seconds since 1970.
    pub fn accepts(&self, call: &Call, now: i64) -> bool {
        if call.method == "MedRecRemote.AddPermission" {
            return true;
        }
        let time: i64 = call.time.parse().unwrap_or(0);
        if now - time > 10 {
            return false;
        }
        let Some((recovery, signature)) = call.signature.split_last() else { return false };
        let (Ok(signature), Some(recovery)) =
            (Signature::from_slice(signature), RecoveryId::from_byte(*recovery))
        else {
            return false;
        };
        let signer = VerifyingKey::recover_from_prehash(&Sha256::digest(&call.time), &signature, recovery);
        signer.is_ok_and(|signer| self.accounts.contains(&account(&signer)))
    }
}

fn account(key: &VerifyingKey) -> Vec<u8> {
    key.to_encoded_point(true).as_bytes().to_vec()
}
