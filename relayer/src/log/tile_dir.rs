//! A durable folder of tiles and bundles in the layout they are served in: `<root>/tile/entries/x001/234.p/17`
//! (C2SP tlog-tiles, [`TilePath`]).
//!
//! A tile is on disk whole or not at all, and [`TileDir::write`] returns when it would survive a loss of power. What is
//! in a file is not looked into: whoever reads holds the bytes against hashes it trusts.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use medrec_accesslog::{TILE_WIDTH, TilePath};

/// Files that are being written. A name no tile has.
const UNFINISHED: &str = "unfinished";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what} {path}: {reason}", path = path.display())]
    Io { what: &'static str, path: PathBuf, reason: io::Error },
    #[error(
        "{path} is {actual} bytes, not {expected}: the file was damaged; restore it from the backup or a mirror",
        path = path.display()
    )]
    Length { path: PathBuf, expected: usize, actual: usize },
    #[error(
        "{path} is there already with other bytes than are to be written: the file was damaged, or two relayers \
         work on one folder; a tile of one width never changes",
        path = path.display()
    )]
    Differs { path: PathBuf },
    #[error("{path} lies among the tiles and is none: move it away", path = path.display())]
    Stranger { path: PathBuf },
}

/// One folder of tiles. One owner writes; reads may run beside it. All calls block on the disk.
#[derive(Debug)]
pub struct TileDir {
    root: PathBuf,
}

impl TileDir {
    /// Opens or makes the folder, mode 0700, and removes what a crash left unfinished.
    pub fn open(root: &Path) -> Result<Self, Error> {
        make_folders(root)?;
        let dir = Self { root: root.to_owned() };
        let unfinished = root.join(UNFINISHED);
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("clear", &unfinished)(error)),
            _ => Ok(dir),
        }
    }

    /// Bytes of a tile at its width, also where a wider one of the same place is stored: tiles only grow at their end.
    /// None if there is none as wide.
    pub fn read(&self, path: &TilePath) -> Result<Option<Vec<u8>>, Error> {
        for stored in self.at_least(path)? {
            let file = self.file(&stored);
            let mut bytes = match fs::read(&file) {
                Ok(bytes) => bytes,
                // Made obsolete by a wider one since we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed("read", &file)(error)),
            };
            check_length(&file, &stored, &bytes)?;
            bytes.truncate(path.byte_len());
            return Ok(Some(bytes));
        }
        Ok(None)
    }

    /// Writes a tile durably, then removes narrower ones of the same place. A file that is there already is compared,
    /// not trusted.
    pub fn write(&self, path: &TilePath, bytes: &[u8]) -> Result<(), Error> {
        let file = self.file(path);
        check_length(&file, path, bytes)?;
        let folder = parent(&file);
        match fs::read(&file) {
            Ok(there) if there == bytes => {}
            Ok(_) => return Err(Error::Differs { path: file }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folders(folder)?;
                let unfinished = self.write_unfinished(path, bytes)?;
                fs::rename(&unfinished, &file).map_err(failed("put in place", &file))?;
            }
            Err(error) => return Err(failed("read", &file)(error)),
        }
        sync_folder(folder)?;
        self.remove_narrower(path)
    }

    /// Keeps only the first entries or hashes of a place: what a tile of `path`'s width holds.
    pub fn cut(&self, path: &TilePath) -> Result<(), Error> {
        let Some(bytes) = self.read(path)? else { return Ok(()) };
        let wider: Vec<TilePath> =
            self.at_least(path)?.into_iter().filter(|tile| tile.width > path.width).collect();
        self.write(path, &bytes)?;
        wider.iter().try_for_each(|tile| self.remove(tile))
    }

    /// Removes one file; it is no error if it is not there.
    pub fn remove(&self, path: &TilePath) -> Result<(), Error> {
        let file = self.file(path);
        match fs::remove_file(&file) {
            Ok(()) => sync_folder(parent(&file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("remove", &file)(error)),
        }
    }

    /// Every tile there is. What is no tile is an error: nobody else has business in here.
    pub fn list(&self) -> Result<BTreeSet<TilePath>, Error> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.root.join("tile")];
        while let Some(folder) = folders.pop() {
            for entry in entries(&folder)? {
                let kind = entry.file_type().map_err(failed("look at", &entry.path()))?;
                if kind.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let path = self.tile(&entry.path());
                found.insert(path.ok_or_else(|| Error::Stranger { path: entry.path() })?);
            }
        }
        Ok(found)
    }

    fn file(&self, path: &TilePath) -> PathBuf {
        self.root.join(path.to_string())
    }

    fn tile(&self, file: &Path) -> Option<TilePath> {
        file.strip_prefix(&self.root).ok()?.to_str()?.parse().ok()
    }

    /// Where partial tiles of a place are: `NNN.p`.
    fn partial_folder(&self, path: &TilePath) -> PathBuf {
        let full = self.file(&path.full());
        full.with_extension("p")
    }

    /// Stored tiles of a place that are as wide or wider, the narrowest first.
    fn at_least(&self, path: &TilePath) -> Result<BTreeSet<TilePath>, Error> {
        let mut stored = self.partials(path)?;
        stored.retain(|tile| tile.width >= path.width);
        // Looked for last: partial tiles go only once the full one is there.
        stored.insert(path.full());
        Ok(stored)
    }

    fn partials(&self, path: &TilePath) -> Result<BTreeSet<TilePath>, Error> {
        let found = entries(&self.partial_folder(path))?;
        Ok(found.iter().filter_map(|entry| self.tile(&entry.path())).collect())
    }

    fn remove_narrower(&self, path: &TilePath) -> Result<(), Error> {
        let folder = self.partial_folder(path);
        for tile in self.partials(path)?.into_iter().filter(|tile| tile.width < path.width) {
            let file = self.file(&tile);
            fs::remove_file(&file).map_err(failed("remove", &file))?;
        }
        if path.width == TILE_WIDTH {
            match fs::remove_dir(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("remove", &folder)(error)),
            }
        }
        Ok(())
    }

    fn write_unfinished(&self, path: &TilePath, bytes: &[u8]) -> Result<PathBuf, Error> {
        let folder = self.root.join(UNFINISHED);
        make_folders(&folder)?;
        let file = folder.join(path.to_string().replace('/', "-"));
        let mut open = OpenOptions::new();
        open.write(true).create(true).truncate(true).mode(0o600);
        let mut opened = open.open(&file).map_err(failed("make", &file))?;
        opened.write_all(bytes).map_err(failed("write", &file))?;
        opened.sync_all().map_err(failed("write", &file))?;
        Ok(file)
    }
}

fn check_length(file: &Path, path: &TilePath, bytes: &[u8]) -> Result<(), Error> {
    let (expected, actual) = (path.byte_len(), bytes.len());
    if expected == actual { Ok(()) } else { Err(Error::Length { path: file.to_owned(), expected, actual }) }
}

/// Makes a folder and those above it; each is there for good before the next is made.
fn make_folders(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = parent(folder);
    if !above.as_os_str().is_empty() {
        make_folders(above)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed("make", folder)(error)),
        _ => sync_folder(above),
    }
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(failed("make durable", folder))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// What a folder holds; nothing if it is not there.
fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, Error> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read,
    };
    read.and_then(Iterator::collect).map_err(failed("list", folder))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |reason| Error::Io { what, path, reason }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use medrec_accesslog::{ENTRY_LEN, TileContent};
    use tempfile::TempDir;

    use super::*;

    fn bundle(index: u64, width: u16) -> TilePath {
        TilePath { content: TileContent::Entries, index, width }
    }

    /// Bytes of a bundle whose entries are told apart.
    fn bytes(width: u16) -> Vec<u8> {
        (0..width).flat_map(|n| vec![n.to_be_bytes()[1]; ENTRY_LEN + 2]).collect()
    }

    fn folder() -> (TempDir, TileDir) {
        let home = tempfile::tempdir().unwrap();
        let tiles = TileDir::open(&home.path().join("bundles")).unwrap();
        (home, tiles)
    }

    #[test]
    fn other_bytes_under_a_stored_name_are_refused() {
        let (_home, tiles) = folder();
        let path = bundle(0, 3);
        tiles.write(&path, &bytes(3)).unwrap();
        tiles.write(&path, &bytes(3)).unwrap();
        let mut other = bytes(3);
        other[0] ^= 1;
        assert!(matches!(tiles.write(&path, &other), Err(Error::Differs { .. })));
        assert_eq!(tiles.read(&path).unwrap(), Some(bytes(3)));
    }

    #[test]
    fn a_file_of_another_length_is_neither_written_nor_read() {
        let (home, tiles) = folder();
        let path = bundle(7, TILE_WIDTH);
        assert!(matches!(tiles.write(&path, &bytes(255)), Err(Error::Length { actual: 131_070, .. })));
        tiles.write(&path, &bytes(TILE_WIDTH)).unwrap();
        let file = home.path().join("bundles/tile/entries/007");
        fs::write(&file, b"short").unwrap();
        assert!(matches!(tiles.read(&path), Err(Error::Length { actual: 5, .. })));
    }

    #[test]
    fn the_layout_is_the_served_one_and_private() {
        let (home, tiles) = folder();
        tiles.write(&bundle(1_234, 17), &bytes(17)).unwrap();
        let file = home.path().join("bundles/tile/entries/x001/234.p/17");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(fs::read(&file).unwrap(), bytes(17));
        assert_eq!(mode(&file), 0o600);
        for folder in file.ancestors().skip(1).take(5) {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
    }

    #[test]
    fn the_widest_tile_replaces_the_others_and_serves_their_reads() {
        let (_home, tiles) = folder();
        for width in [3, 17, 200] {
            tiles.write(&bundle(0, width), &bytes(width)).unwrap();
            assert_eq!(tiles.list().unwrap(), BTreeSet::from([bundle(0, width)]));
        }
        assert_eq!(tiles.read(&bundle(0, 3)).unwrap(), Some(bytes(3)));
        assert_eq!(tiles.read(&bundle(0, 201)).unwrap(), None);
        assert_eq!(tiles.read(&bundle(1, 1)).unwrap(), None);
        tiles.write(&bundle(0, TILE_WIDTH), &bytes(TILE_WIDTH)).unwrap();
        assert_eq!(tiles.list().unwrap(), BTreeSet::from([bundle(0, TILE_WIDTH)]));
        assert_eq!(tiles.read(&bundle(0, 200)).unwrap(), Some(bytes(200)));
    }

    #[test]
    fn a_cut_tile_holds_its_beginning_only() {
        let (_home, tiles) = folder();
        tiles.write(&bundle(0, TILE_WIDTH), &bytes(TILE_WIDTH)).unwrap();
        tiles.cut(&bundle(0, 44)).unwrap();
        assert_eq!(tiles.list().unwrap(), BTreeSet::from([bundle(0, 44)]));
        assert_eq!(tiles.read(&bundle(0, 44)).unwrap(), Some(bytes(44)));
        tiles.remove(&bundle(0, 44)).unwrap();
        tiles.remove(&bundle(0, 44)).unwrap();
        assert!(tiles.list().unwrap().is_empty());
    }

    /// A crash between the steps of `write` leaves: an unfinished file; a wider tile beside the narrower one.
    #[test]
    fn what_a_crash_leaves_is_cleared_or_harmless() {
        let (home, tiles) = folder();
        tiles.write(&bundle(0, 17), &bytes(17)).unwrap();
        tiles.write_unfinished(&bundle(0, 30), &bytes(30)).unwrap();
        let tiles = TileDir::open(&home.path().join("bundles")).unwrap();
        assert_eq!(tiles.list().unwrap(), BTreeSet::from([bundle(0, 17)]));
        assert!(!home.path().join("bundles/unfinished").exists());

        let full = home.path().join("bundles/tile/entries/000");
        fs::write(&full, bytes(TILE_WIDTH)).unwrap();
        assert_eq!(tiles.read(&bundle(0, 17)).unwrap(), Some(bytes(17)));
        assert_eq!(tiles.read(&bundle(0, TILE_WIDTH)).unwrap(), Some(bytes(TILE_WIDTH)));
        tiles.write(&bundle(0, TILE_WIDTH), &bytes(TILE_WIDTH)).unwrap();
        assert_eq!(tiles.list().unwrap(), BTreeSet::from([bundle(0, TILE_WIDTH)]));
    }

    #[test]
    fn strangers_among_the_tiles_are_named() {
        let (home, tiles) = folder();
        tiles.write(&bundle(0, 1), &bytes(1)).unwrap();
        fs::write(home.path().join("bundles/tile/entries/notes.txt"), b"x").unwrap();
        assert!(matches!(tiles.list(), Err(Error::Stranger { .. })));
    }
}
