//! Who exported it: for each part the key of its patient signs the whole content.

use std::collections::BTreeMap;

use medrec_merkle::{Hash, tagged_hash};
use medrec_wallet::{Key, adr036};

use super::{Bundle, Content, FORMAT, Fault, Signed};
use crate::Error;

impl Content {
    /// `H("medrec/bundle/v1"; JCS of the content)`.
    pub fn digest(&self) -> Result<Hash, Error> {
        let unreadable = |e: &dyn std::fmt::Display| Error::Bundle(e.to_string());
        let json = serde_json::to_value(self).map_err(|e| unreadable(&e))?;
        let jcs = medrec_record::jcs(&json).map_err(|e| unreadable(&e))?;
        Ok(tagged_hash(FORMAT, &[jcs.as_bytes()]))
    }

    /// Signs it; `keys`: of the parts' patients, in their order.
    pub fn sign(self, keys: &[&Key]) -> Result<Bundle, Error> {
        let digest = self.digest()?;
        let signatures = self.parts.iter().zip(keys).map(|(part, key)| Signed {
            relationship: part.relationship,
            public_key: key.public_key(),
            signature: key.sign(&digest),
        });
        Ok(Bundle { format: FORMAT.to_owned(), signatures: signatures.collect(), content: self })
    }
}

impl Bundle {
    pub(super) fn check_signatures(&self) -> Vec<Fault> {
        let (signatures, parts) = (self.signatures.len(), self.content.parts.len());
        let mut faults = Vec::new();
        if signatures != parts {
            faults.push(Fault::Signatures { signatures, parts });
        }
        let digest = self.content.digest().map_err(|e| e.to_string());
        let by: BTreeMap<u64, &Signed> = self.signatures.iter().map(|one| (one.relationship, one)).collect();
        for part in &self.content.parts {
            let relationship = part.relationship;
            let checked = match (by.get(&relationship), &digest) {
                (None, _) => Err("there is no signature".to_owned()),
                (_, Err(reason)) => Err(reason.clone()),
                (Some(signed), Ok(digest)) => {
                    adr036::verify(&signed.public_key, digest, &signed.signature).map_err(|e| e.to_string())
                }
            };
            match checked {
                Ok(signer) if signer == part.patient => {}
                Ok(signer) => {
                    let reason = format!("{signer} signed, the patient is {}", part.patient);
                    faults.push(Fault::Signature { relationship, reason });
                }
                Err(reason) => faults.push(Fault::Signature { relationship, reason }),
            }
        }
        faults
    }
}
