//! An unlocked wallet at a chain: what nearly every command starts from.

use medrec_clients::{Deployment, DeploymentError};
use medrec_wallet::Wallet;

use crate::args::Global;
use crate::chain::Chain;
use crate::home::{Home, State};
use crate::{Error, passphrase};

pub struct Session {
    pub home: Home,
    pub state: State,
    pub wallet: Wallet,
    pub chain: Chain,
}

impl Session {
    /// Checks what costs nothing first, then asks for the passphrase, then talks to the chain.
    pub async fn open(global: &Global) -> Result<Session, Error> {
        let deployment = deployment(global)?;
        let (home, state, wallet) = unlock(global)?;
        let chain = Chain::connect(&deployment).await?;
        Ok(Session { home, state, wallet, chain })
    }
}

pub fn deployment(global: &Global) -> Result<Deployment, Error> {
    let file = global.deployment.as_deref().ok_or_else(|| {
        Error::Usage(
            "which chain? Give --deployment FILE or set MEDREC_DEPLOYMENT; your hospital publishes the file"
                .into(),
        )
    })?;
    Deployment::load(file).map_err(|error| match error {
        DeploymentError::Read { source, .. } => Error::file("read the deployment file", file)(source),
        other => Error::Usage(other.to_string()),
    })
}

/// The wallet without the chain.
pub fn unlock(global: &Global) -> Result<(Home, State, Wallet), Error> {
    let home = Home::at(global.home.as_deref())?;
    home.check_exists()?;
    let words = home.unlock(passphrase::ask(global.passphrase_file.as_deref())?)?;
    let state = home.state()?;
    Ok((home, state, Wallet::from_words(&words)?))
}
