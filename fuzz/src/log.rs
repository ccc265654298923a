//! What a log serves, and what its entries say.

use medrec_accesslog::{
    Body, Checkpoint, LogSigner, Note, TileContent, TilePath, decode_bundle, decode_tile, encode_bundle,
    encode_tile,
};

use crate::gate::{LOG_KEY, LOG_ORIGIN};

pub fn tile_path(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let Ok(path) = text.parse::<TilePath>() else { return false };
    assert_eq!(path.to_string(), text, "one path for one tile");
    let _ = (path.byte_len(), TilePath::in_log(path.content, path.index, u64::MAX));
    true
}

/// First byte: width; second: 0 for entries, else a level and one.
pub fn bundle(input: &[u8]) -> bool {
    let [width, content, bytes @ ..] = input else { return false };
    let content = match content.checked_sub(1) {
        None => TileContent::Entries,
        Some(level) => TileContent::Hashes { level },
    };
    let path = TilePath { content, index: 0, width: u16::from(*width).saturating_add(1) };
    let again = match content {
        TileContent::Entries => decode_bundle(&path, bytes).map(|entries| encode_bundle(&entries)),
        TileContent::Hashes { .. } => decode_tile(&path, bytes).map(|hashes| encode_tile(&hashes)),
    };
    assert!(
        again.as_ref().is_ok_and(|again| again == bytes) || again.is_err(),
        "{path} reads back as it was"
    );
    again.is_ok()
}

pub fn checkpoint(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text, "a note reads back as it was");
    }
    let _ = Checkpoint::parse(text);
    let Ok(log) = LogSigner::new(LOG_ORIGIN, &LOG_KEY) else { return false };
    log.public().verify_note(text).is_ok()
}

/// CBOR of an entry's body.
pub fn body(input: &[u8]) -> bool {
    match Body::decode(input) {
        Err(_) => false,
        Ok(Body::Unknown { .. }) => true,
        Ok(body) => {
            // Public kinds are not sealed and have another bound.
            if let Ok(again) = body.encode() {
                assert_eq!(again, input, "a body has one encoding");
            }
            true
        }
    }
}
