//! `medrec-relayer rebuild`: the projection made anew, or audited, while the relayer is stopped.

use anyhow::Context as _;
use clap::Args;

use crate::{
    app,
    config::Config,
    ingest::{self, Source},
    keystore::Keystore,
    projection::Difference,
    store::Store,
};

/// Makes the projection anew from the contracts' state. Entries, records and openings stay; what was reacted to before
/// is not done again. The relayer must be stopped.
#[derive(Args)]
pub struct Rebuild {
    /// Audit instead: project every block from the first, compare with the contracts' state, change nothing. Needs a
    /// node that has every block. Exit code 1 if they differ.
    #[arg(long)]
    replay: bool,
}

impl Rebuild {
    pub async fn run(&self, config: &Config, keystore: &Keystore) -> anyhow::Result<()> {
        let around = app::look_around(config, keystore).await?;
        let store = Store::open(&config.store, &keystore.store_key()).await?;
        app::bind(&store, &around.identity).await?;
        let source = Source { chain: around.chain, identity: around.identity };
        let status = source.chain.status().await.context("ask the node where it stands")?;
        let done = match self.replay {
            false => anew(&store, &source, &status).await,
            true => audit(&store, &source, &status).await,
        };
        store.close().await;
        done
    }
}

async fn anew(store: &Store, source: &Source, status: &medrec_clients::NodeStatus) -> anyhow::Result<()> {
    let rebuilt = ingest::rebuild(store, source, status).await?;
    print(&rebuilt.differences);
    println!(
        "rebuilt at height {}: {} relationships, {} differences put right",
        rebuilt.cursor.height,
        rebuilt.relationships,
        rebuilt.differences.len()
    );
    Ok(())
}

async fn audit(store: &Store, source: &Source, status: &medrec_clients::NodeStatus) -> anyhow::Result<()> {
    let audit = ingest::audit(store, source, status).await?;
    print(&audit.differences);
    anyhow::ensure!(
        audit.differences.is_empty(),
        "the blocks up to height {} and the contracts' state there differ in {} places",
        audit.height,
        audit.differences.len()
    );
    println!(
        "{} blocks replayed: {} relationships, equal to the contracts' state",
        audit.height, audit.relationships
    );
    Ok(())
}

fn print(differences: &[Difference]) {
    for difference in differences {
        println!("{difference}");
    }
}
