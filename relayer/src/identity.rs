//! Who this relayer is: the facts every commitment, ratchet and sealing is bound to.

use medrec_accesslog::Place;
use medrec_merkle::Hash;
use medrec_wallet::ContractRef;

/// An institution on a chain.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Chain and relationship contract.
    pub contract: ContractRef,
    /// Address of the registrar.
    pub registrar: String,
    /// Address of the bounty contract.
    pub bounty: String,
    /// Origin and key name of the access log.
    pub log_origin: String,
    /// Id in the registrar.
    pub institution: u32,
}

impl Identity {
    /// Where a relationship's ratchet lives.
    pub fn place(&self, relationship: u64) -> Place<'_> {
        Place {
            chain_id: &self.contract.chain_id,
            contract: &self.contract.address,
            relationship,
            log_origin: &self.log_origin,
        }
    }

    /// Names a relationship inside commitments.
    pub fn relationship_ref(&self, relationship: u64) -> Hash {
        medrec_record::relationship_ref(&self.contract.chain_id, &self.contract.address, relationship)
    }
}
