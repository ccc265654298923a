//! One file per command.

pub mod accept;
pub mod acknowledge;
pub mod card;
pub mod carer;
pub mod close;
pub mod completions;
pub mod dispute;
pub mod export;
pub mod grant;
pub mod log;
pub mod marking;
pub mod notices;
pub mod read;
pub mod record;
pub mod reject;
pub mod relationships;
pub mod report;
pub mod research;
pub mod revoke;
pub mod sync;
pub mod verify;
pub mod wallet;

use crate::Error;
use crate::args::{Cli, Command};
use crate::show::Shown;

pub async fn run(cli: Cli) -> Result<Shown, Error> {
    let global = &cli.global;
    match cli.command {
        Command::Wallet(args) => wallet::run(args, global).await,
        Command::Card(args) => card::run(args, global).await,
        Command::Relationships(args) => relationships::run(args, global).await,
        Command::Accept(args) => accept::run(args, global).await,
        Command::Reject(args) => reject::run(args, global).await,
        Command::Close(args) => close::run(args, global).await,
        Command::Grant(args) => grant::run(args, global).await,
        Command::Revoke(args) => revoke::run(args, global).await,
        Command::Carer(args) => carer::run(args, global).await,
        Command::Acknowledge(args) => acknowledge::run(args, global).await,
        Command::Dispute(args) => dispute::run(args, global).await,
        Command::Sync(args) => sync::run(args, global).await,
        Command::Export(args) => export::run(args, global),
        Command::Record(args) => record::run(args, global).await,
        Command::Read(args) => read::run(args, global).await,
        Command::Log(args) => log::run(args, global).await,
        Command::Research(args) => research::run(args, global).await,
        Command::Report(args) => report::run(args, global).await,
        Command::Notices(args) => notices::run(args, global).await,
        Command::Verify(args) => verify::run(args, global).await,
        Command::Completions(args) => completions::run(args),
    }
}
