-- The log complete: bytes apart from places, files, daily counter maps, promises, first filings.

-- Bytes of entries that are not in a bundle file yet.
CREATE TABLE entry_bytes (
    idx   INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL CHECK (length(bytes) = 512)
) STRICT;
INSERT INTO entry_bytes (idx, bytes) SELECT idx, entry FROM entries ORDER BY idx;

-- Where every entry stands; kept for good, a label is never used twice. `relationship` and `counter` are null in
-- public entries and in cover.
CREATE TABLE places (
    idx          INTEGER PRIMARY KEY,
    label        BLOB NOT NULL UNIQUE CHECK (length(label) = 32),
    relationship INTEGER,
    counter      INTEGER,
    UNIQUE (relationship, counter)
) STRICT;
INSERT INTO places (idx, label, relationship, counter)
    SELECT idx, label, relationship, counter FROM entries ORDER BY idx;
DROP TABLE entries;
ALTER TABLE places RENAME TO entries;

-- Bundles 0 to `bundles` - 1 are files and no rows.
CREATE TABLE bundle_files (
    id      INTEGER PRIMARY KEY CHECK (id = 0),
    bundles INTEGER NOT NULL
) STRICT;
INSERT INTO bundle_files (id, bundles) VALUES (0, 0);

-- Daily counter maps (wire.md section 7), in one transaction with their public entry. `leaves` of old ones are null.
CREATE TABLE counter_maps (
    day     INTEGER PRIMARY KEY,        -- since 1970, UTC
    version INTEGER NOT NULL UNIQUE,
    entry   INTEGER NOT NULL,
    leaves  BLOB
) STRICT;

-- Promises not yet kept: the entry must be under an anchor by `due`, seconds since 1970.
CREATE TABLE promises (
    idx INTEGER PRIMARY KEY,
    due INTEGER NOT NULL
) STRICT;

-- Relationships whose records are being filed for the first time, spread over a time (security H9).
CREATE TABLE first_filings (
    relationship INTEGER PRIMARY KEY REFERENCES relationships (id),
    ends         INTEGER NOT NULL,      -- times: seconds since 1970, our clock
    visited      INTEGER NOT NULL,
    next         INTEGER NOT NULL,
    remaining    INTEGER                -- records left at the last visit; null before the first
) STRICT;
