//! The wallet's passphrase: from a file or from a prompt, never from the command line.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use age::secrecy::SecretString;
use zeroize::Zeroizing;

use crate::Error;

/// Shorter ones are guessed from a stolen file within hours.
const MIN_LENGTH: usize = 8;
/// No passphrase and no words are longer.
const MAX_INPUT: u64 = 4096;

/// For a wallet that exists.
pub fn ask(file: Option<&Path>) -> Result<SecretString, Error> {
    match file {
        Some(file) => from_file(file),
        None => prompt("Passphrase of this wallet: "),
    }
}

/// For a new wallet: typed twice, and not too short.
pub fn choose(file: Option<&Path>) -> Result<SecretString, Error> {
    use age::secrecy::ExposeSecret as _;
    let chosen = match file {
        Some(file) => from_file(file)?,
        None => {
            let first = prompt("Choose a passphrase for this wallet: ")?;
            let second = prompt("The same passphrase again: ")?;
            if first.expose_secret() != second.expose_secret() {
                return Err(Error::Failed("the two passphrases differ; nothing was written".into()));
            }
            first
        }
    };
    let length = chosen.expose_secret().chars().count();
    if length < MIN_LENGTH {
        return Err(Error::Usage(format!(
            "the passphrase has {length} characters, at least {MIN_LENGTH} are needed"
        )));
    }
    Ok(chosen)
}

/// The 24 words: from standard input, or asked for at a terminal.
pub fn read_words() -> Result<Zeroizing<String>, Error> {
    let stdin = std::io::stdin();
    let failed = |e: std::io::Error| Error::Failed(format!("the words could not be read: {e}"));
    let mut words = Zeroizing::new(String::with_capacity(512));
    if stdin.is_terminal() {
        eprint!("Your 24 words, in order, on one line: ");
        stdin.lock().read_line(&mut words).map_err(failed)?;
    } else {
        stdin.lock().take(MAX_INPUT).read_to_string(&mut words).map_err(failed)?;
    }
    Ok(words)
}

fn from_file(path: &Path) -> Result<SecretString, Error> {
    let mut text = Zeroizing::new(String::with_capacity(256));
    let file = std::fs::File::open(path).map_err(Error::file("read the passphrase file", path))?;
    file.take(MAX_INPUT).read_to_string(&mut text).map_err(Error::file("read the passphrase file", path))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Error::Usage(format!("the first line of {} is empty", path.display())));
    }
    Ok(SecretString::from(line.to_owned()))
}

fn prompt(question: &str) -> Result<SecretString, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Usage(
            "a passphrase is needed and there is no terminal to ask at; give --passphrase-file FILE".into(),
        ));
    }
    let typed = rpassword::prompt_password(question);
    typed.map(SecretString::from).map_err(|e| Error::Failed(format!("the passphrase could not be read: {e}")))
}
