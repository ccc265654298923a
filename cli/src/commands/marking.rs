//! What `acknowledge` and `dispute` share.

use std::collections::BTreeSet;

use medrec_gate::Deed;

use crate::args::Global;
use crate::deeds::{self, Receipted, RecordName};
use crate::gatekeeper::Gatekeeper;
use crate::session::Session;
use crate::{Error, logread, mine};

/// Which version of which record.
#[derive(Debug, clap::Args)]
pub struct About {
    /// Number of the relationship
    relationship: u64,
    /// The record's id, or the first 8 digits of it
    #[arg(long, value_name = "ID")]
    record: String,
    /// Version of the record [default: the newest]
    #[arg(long, value_name = "N")]
    record_version: Option<u32>,
}

/// A mark the hospital has signed for.
pub struct Marked {
    pub relationship: u64,
    pub record: [u8; 16],
    pub version: u32,
    pub receipted: Receipted,
}

/// Finds the record in the relationship's log and hands over what she says of it: that it is right, or wrong with a note.
pub async fn mark(about: &About, global: &Global, wrong: Option<&str>) -> Result<Marked, Error> {
    let name = RecordName::parse(&about.record)?;
    let session = Session::open(global).await?;
    let relationship = about.relationship;
    let (mine, _) = mine::one(&session, relationship).await?;
    let (offer, root) = mine.secrets(&session.chain)?;
    let institution = session.chain.registrar.institution(offer.institution).await?;
    let gatekeeper = Gatekeeper::new(&institution, &session.chain.contract)?;
    let (record, version) = match (name.whole(), about.record_version) {
        (Some(record), Some(version)) => (record, version),
        (_, version) => {
            let of = Some((relationship, &root));
            let log = logread::read(&session.chain, &gatekeeper.log, of, &BTreeSet::new()).await?;
            let (record, newest) = name.find(&log)?;
            (record, version.unwrap_or(newest))
        }
    };
    let key = mine.signer()?;
    let deed = match wrong {
        None => Deed::Acknowledge { record: &record, version },
        Some(note) => Deed::Dispute { record: &record, version, note },
    };
    let receipted = deeds::hand_over(&session.home, &gatekeeper, key, relationship, deed).await?;
    Ok(Marked { relationship, record, version, receipted })
}
