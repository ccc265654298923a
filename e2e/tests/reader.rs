//! An independent C2SP reader and logs in memory: no chain. What a relayer serves it reads in `pilot.rs`.

use anyhow::{Context, Result};
use medrec_accesslog::{Entry, LogSigner, LogWriter, bundle_paths, encode_bundle};
use medrec_e2e::actors::random;
use medrec_e2e::reader::{Files, Reader, Server, alter};
use rand_core::{OsRng, RngCore as _};

/// Two full bundles and a partial one, two levels of tiles.
const ENTRIES: usize = 600;

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_reader_accepts_our_logs_and_sees_every_changed_file() -> Result<()> {
    let reader = Reader::build().await?;
    let signer = LogSigner::new("log.north.example/medrec", &random())?;
    let key = signer.public().verifier_key();
    for entries in [0, 1, 256, 257, ENTRIES] {
        let server = Server::of(log(&signer, entries)?).await?;
        assert_eq!(reader.read(&server.url, &key).await?, Ok(u64::try_from(entries)?));
    }

    let whole = log(&signer, ENTRIES)?;
    let paths: Vec<&String> = whole.keys().collect();
    assert_eq!(paths.len(), 1 + 3 + 3 + 1, "{paths:?}");
    for path in paths {
        let mut files = whole.clone();
        alter(files.get_mut(path).context("a file of the log")?);
        let said = reader.read(&Server::of(files).await?.url, &key).await?;
        assert!(said.is_err(), "{path} was changed and the reader says {said:?}");
        let mut files = whole.clone();
        files.remove(path);
        let said = reader.read(&Server::of(files).await?.url, &key).await?;
        assert!(said.is_err(), "{path} is missing and the reader says {said:?}");
    }

    let other = LogSigner::new("log.north.example/medrec", &random())?.public().verifier_key();
    assert!(reader.read(&Server::of(whole).await?.url, &other).await?.is_err(), "signed by another key");
    Ok(())
}

/// Everything a log of so many entries serves.
fn log(signer: &LogSigner, entries: usize) -> Result<Files> {
    let mut writer = LogWriter::new();
    let mut all = Vec::with_capacity(entries);
    for _ in 0..entries {
        let mut bytes = [0; 512];
        OsRng.fill_bytes(&mut bytes);
        let entry = Entry::from_bytes(bytes);
        writer.append(entry.leaf_hash())?;
        all.push(entry);
    }
    let size = writer.size();
    let mut files: Files =
        writer.take_tiles().into_iter().map(|(path, bytes)| (format!("/{path}"), bytes)).collect();
    for (path, entries) in bundle_paths(0, size).zip(all.chunks(256)) {
        files.insert(format!("/{path}"), encode_bundle(entries));
    }
    files.insert("/checkpoint".to_owned(), signer.sign(size, writer.root()).note().into_bytes());
    Ok(files)
}
