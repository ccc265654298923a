//! What kind of chain to start.

use std::{collections::BTreeMap, path::Path, time::Duration};

use crate::{Error, Home, Localnet, Progress, create::Plan, genesis::Funds};

/// More than ten validators could not decide in one transaction: seven sign at most, and 67 % are needed.
pub const MAX_VALIDATORS: usize = 10;

/// Settings of a local chain; [`Builder::up`] starts it.
#[derive(Clone, Debug)]
pub struct Builder {
    home: Home,
    plan: Plan,
    progress: Progress,
}

impl Builder {
    pub(crate) fn new(home: impl AsRef<Path>) -> Result<Self, Error> {
        let plan = Plan {
            chain_id: "medrec-local-1".to_owned(),
            validators: 4,
            block_time: Duration::from_millis(500),
            voting_period: Duration::from_secs(60),
            funded: BTreeMap::new(),
        };
        Ok(Self { home: Home::new(home)?, plan, progress: Progress::silent() })
    }

    /// Default `medrec-local-1`.
    pub fn chain_id(mut self, chain_id: impl Into<String>) -> Self {
        self.plan.chain_id = chain_id.into();
        self
    }

    /// Default 4; 1 to 10.
    pub fn validators(mut self, count: usize) -> Self {
        self.plan.validators = count;
        self
    }

    /// Pause between a commit and the next proposal (`timeout_commit`), default 500 ms. A block takes about 0.15 s more.
    pub fn block_time(mut self, pause: Duration) -> Self {
        self.plan.block_time = pause;
        self
    }

    /// How long members of the consortium have to vote, default 60 s.
    pub fn voting_period(mut self, period: Duration) -> Self {
        self.plan.voting_period = period;
        self
    }

    /// Gives an account fees at genesis, in ufee.
    pub fn fund(mut self, address: impl Into<String>, ufee: u128) -> Self {
        let owned = self.plan.funded.entry(address.into()).or_default();
        owned.ufee = owned.ufee.saturating_add(ufee);
        self
    }

    /// Gives an account stake at genesis, in ustake: a leak, for tests of what it can do with it.
    pub fn leak_stake(mut self, address: impl Into<String>, ustake: u128) -> Self {
        let owned: &mut Funds = self.plan.funded.entry(address.into()).or_default();
        owned.ustake = owned.ustake.saturating_add(ustake);
        self
    }

    /// Where to tell what is being done; silent by default.
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Builds wasmd if the cache lacks it, makes the chain if the home has none, starts all validators and waits
    /// until they make blocks. A chain that is there must have been made with the same settings (accounts given
    /// with [`Builder::fund`] are not compared).
    pub async fn up(self) -> Result<Localnet, Error> {
        self.check()?;
        Localnet::up(self.home, self.plan, self.progress).await
    }

    fn check(&self) -> Result<(), Error> {
        let plan = &self.plan;
        let refuse = |setting, got, expected| Err(Error::Setting { setting, got, expected });
        if !(1..=MAX_VALIDATORS).contains(&plan.validators) {
            return refuse("the number of validators", plan.validators.to_string(), "1 to 10");
        }
        let ms = plan.block_time.as_millis();
        if !(10..=60_000).contains(&ms) {
            return refuse("the block time", format!("{ms} ms"), "10 ms to 60 s");
        }
        if plan.voting_period.as_secs() == 0 {
            return refuse("the voting period", format!("{:?}", plan.voting_period), "1 s and more");
        }
        let id = &plan.chain_id;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id.len() > 48 || !id.chars().all(good) {
            return refuse("the chain id", format!("{id:?}"), "1 to 48 of a-z, 0-9 and -");
        }
        for address in plan.funded.keys() {
            crate::genesis::check_address(address)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(Builder) -> Builder) -> String {
        let builder = change(Builder::new("/nonexistent").unwrap());
        builder.check().unwrap_err().to_string()
    }

    #[test]
    fn impossible_settings_are_refused_before_anything_is_done() {
        assert!(Builder::new("/nonexistent").unwrap().check().is_ok());
        assert_eq!(refusal(|b| b.validators(11)), "the number of validators is 11, 1 to 10 are possible");
        assert!(refusal(|b| b.validators(0)).contains("validators is 0"));
        assert!(refusal(|b| b.block_time(Duration::from_millis(1))).contains("block time is 1 ms"));
        assert!(refusal(|b| b.voting_period(Duration::ZERO)).contains("voting period"));
        assert!(refusal(|b| b.chain_id("Me drec")).contains("chain id"));
        assert!(refusal(|b| b.fund("medrec1nonsense", 1)).contains("medrec1nonsense"));
    }
}
