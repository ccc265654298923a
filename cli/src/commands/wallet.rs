use medrec_wallet::{Wallet, Words};
use rand_core::OsRng;
use serde_json::{Value, json};

use crate::args::Global;
use crate::chain::Chain;
use crate::home::{Home, State};
use crate::show::{Shown, count};
use crate::{Error, mine, passphrase, session, viewing};

const EXAMPLES: &str = "\
Examples:
  medrec wallet new
  medrec wallet restore                    asks for the 24 words
  medrec wallet restore < words.txt --passphrase-file pass.txt";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a new wallet and show its 24 words once
    New,
    /// Bring a wallet back from its 24 words, read from standard input
    Restore,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let home = Home::at(global.home.as_deref())?;
    home.check_empty()?;
    match args.action {
        Action::New => new(&home, global),
        Action::Restore => restore(&home, global).await,
    }
}

fn new(home: &Home, global: &Global) -> Result<Shown, Error> {
    let passphrase = passphrase::choose(global.passphrase_file.as_deref())?;
    let words = Words::generate(&mut OsRng)?;
    home.create(&words, passphrase, &State { version: 1, next_index: 0 })?;
    let (phrase, file) = (words.phrase(), home.words_file());
    let text = format!(
        "Your 24 words. Write them on paper and show them to nobody: they are your records' key, and nothing else\n\
         brings it back.\n\n{}\n\nStored, locked by your passphrase, in {}.",
        numbered(&phrase),
        file.display()
    );
    Ok(Shown::ok(text, json!({"words": phrase.as_str(), "file": file})))
}

async fn restore(home: &Home, global: &Global) -> Result<Shown, Error> {
    let words = Words::parse(&passphrase::read_words()?)?;
    let passphrase = passphrase::choose(global.passphrase_file.as_deref())?;
    // Without a deployment the chain is not asked now, but by every later command.
    let (mut found, mut next_index) = (None, 0);
    if global.deployment.is_some() {
        let (chain, wallet) =
            (Chain::connect(&session::deployment(global)?).await?, Wallet::from_words(&words)?);
        let on_chain = mine::discover(&chain, &wallet).await?;
        next_index = viewing::unused_from(&chain, &wallet, on_chain.next_index).await?;
        found = Some(on_chain);
    }
    home.create(&words, passphrase, &State { version: 1, next_index })?;
    let ids: Option<Vec<u64>> = found.map(|f| f.mine.iter().map(|m| m.state.id).collect());
    let said = match &ids {
        None => "Give --deployment to see your relationships.".to_owned(),
        Some(ids) => format!("{} found on the chain.", count(ids.len(), "relationship")),
    };
    let file = home.words_file();
    let json = json!({"file": file, "relationships": ids.map_or(Value::Null, |ids| json!(ids)), "next_index": next_index});
    Ok(Shown::ok(format!("Your wallet is back, in {}. {said}", file.display()), json))
}

/// Four numbered columns, to be copied by hand.
fn numbered(phrase: &str) -> String {
    let words: Vec<String> =
        phrase.split(' ').zip(1u32..).map(|(word, n)| format!("{n:>2} {word:<10}")).collect();
    words.chunks(4).map(|row| row.concat().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
