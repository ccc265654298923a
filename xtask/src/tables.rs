//! CSV tables as Synthea writes them: sorted, since its threads write rows in any order.

use crate::manifest::Count;
use anyhow::{Context, Result, bail};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

/// A table with its header; rows are whole lines, sorted bytewise.
pub struct Table {
    header: String,
    rows: Vec<String>,
}

impl Table {
    /// Reads `.csv` or `.csv.gz`. Synthea quotes nothing and cleans line ends out of values, so a line is a row.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut text = String::new();
        let read = if path.extension().is_some_and(|ext| ext == "gz") {
            GzDecoder::new(bytes.as_slice()).read_to_string(&mut text)
        } else {
            bytes.as_slice().read_to_string(&mut text)
        };
        read.with_context(|| format!("{} is no CSV in UTF-8", path.display()))?;
        if text.contains('"') {
            bail!("{} holds quoted values, which Synthea does not write", path.display());
        }
        let mut lines = text.lines().map(str::to_owned);
        let header = lines.next().with_context(|| format!("{} is empty", path.display()))?;
        let mut rows: Vec<String> = lines.collect();
        rows.sort_unstable();
        Ok(Self { header, rows })
    }

    /// The values of the named columns, row by row.
    pub fn columns<const N: usize>(&self, names: [&str; N]) -> Result<Vec<[String; N]>> {
        let mut at = [0; N];
        for (slot, name) in at.iter_mut().zip(names) {
            *slot = self.position(name)?;
        }
        let read = |row: &String| at.map(|column| row.split(',').nth(column).unwrap_or_default().to_owned());
        Ok(self.rows.iter().map(read).collect())
    }

    /// Only the rows whose `column` is one of `wanted`.
    pub fn filter(&self, column: &str, wanted: &BTreeSet<String>) -> Result<Self> {
        let at = self.position(column)?;
        let kept = self.rows.iter().filter(|row| row.split(',').nth(at).is_some_and(|v| wanted.contains(v)));
        Ok(Self { header: self.header.clone(), rows: kept.cloned().collect() })
    }

    pub fn count(&self) -> Count {
        Count { rows: self.rows.len(), sha256: hex::encode(Sha256::digest(self.text())) }
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.text()).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Compressed without name or time: the same rows make the same file.
    pub fn write_gz(&self, path: &Path) -> Result<()> {
        let file = fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut gz = GzBuilder::new().mtime(0).write(file, Compression::best());
        gz.write_all(self.text().as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        gz.finish().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }

    fn position(&self, column: &str) -> Result<usize> {
        let found = self.header.split(',').position(|name| name == column);
        found.with_context(|| format!("no column {column} in `{}`", self.header))
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.header);
        for row in &self.rows {
            text.push_str(row);
            text.push('\n');
        }
        text
    }
}

/// Replaces what stands between `<!-- NAME -->` and `<!-- end NAME -->` in a Markdown file.
pub fn replace_block(path: &Path, name: &str, text: &str) -> Result<()> {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end {name} -->"));
    let old = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let parts = old.split_once(&open).and_then(|(head, tail)| Some((head, tail.split_once(&close)?.1)));
    let Some((head, tail)) = parts else {
        bail!("{} has no block between {open} and {close}", path.display())
    };
    fs::write(path, format!("{head}{open}{text}{close}{tail}"))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{BTreeSet, Table, fs};

    fn read(text: &str) -> anyhow::Result<Table> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        fs::write(&path, text).unwrap();
        Table::read(&path)
    }

    #[test]
    fn rows_in_any_order_make_the_same_table() {
        let (a, b) = (read("ID,X\n2,b\n1,a\n").unwrap(), read("ID,X\n1,a\n2,b\n").unwrap());
        assert_eq!(a.count(), b.count());
        assert_eq!(a.count().rows, 2);
        assert_ne!(a.count(), read("ID,X\n1,a\n2,c\n").unwrap().count());
    }

    #[test]
    fn filters_and_reads_columns_by_name() {
        let table = read("ID,PATIENT,V\n1,p,x\n2,q,\n3,p,z\n").unwrap();
        let kept = table.filter("PATIENT", &BTreeSet::from(["p".to_owned()])).unwrap();
        assert_eq!(
            kept.columns(["V", "ID"]).unwrap(),
            [["x", "1"], ["z", "3"]].map(|row| row.map(String::from))
        );
        assert!(table.filter("NONE", &BTreeSet::new()).is_err());
    }

    #[test]
    fn compressed_tables_read_back_and_bad_ones_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv.gz");
        let table = read("ID\n1\n").unwrap();
        table.write_gz(&path).unwrap();
        assert_eq!(Table::read(&path).unwrap().count(), table.count());
        fs::write(&path, b"not gzip").unwrap();
        assert!(Table::read(&path).is_err());
        assert!(read("").is_err());
        assert!(read("ID\n\"quoted\"\n").is_err());
    }
}
