-- Verified copies of other institutions' logs. Bundles of entries are files (`[mirror] folder`); everything else is
-- here and moves in one transaction, after the files it speaks of are durable.
CREATE TABLE mirrors (
    institution INTEGER PRIMARY KEY,
    origin      TEXT NOT NULL,
    log_key     BLOB NOT NULL CHECK (length(log_key) = 32),
    bundles     INTEGER NOT NULL,               -- full bundles that are here
    edge        BLOB NOT NULL,                  -- right edge of the tree over their hashes
    size        INTEGER NOT NULL,               -- newest anchored head that is here whole: the one served
    root        BLOB NOT NULL CHECK (length(root) = 32),
    signature   BLOB NOT NULL,                  -- the log's, on that head; empty before the first
    tail        BLOB NOT NULL                   -- right edge of the tree over the head's entries behind its last full bundle
) STRICT;

-- Hashes of complete subtrees over full bundles (level 8 and up, as in `nodes`).
CREATE TABLE mirror_nodes (
    institution INTEGER NOT NULL REFERENCES mirrors (institution),
    level       INTEGER NOT NULL,
    idx         INTEGER NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (institution, level, idx)
) STRICT, WITHOUT ROWID;

-- Daily counter maps: what the log's public entry says, and the leaves once they were fetched and give its root.
CREATE TABLE mirror_counters (
    institution INTEGER NOT NULL REFERENCES mirrors (institution),
    version     INTEGER NOT NULL,
    idx         INTEGER NOT NULL,               -- of the public entry in the log
    at          INTEGER NOT NULL,               -- its fields (wire.md section 7)
    day         INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    leaves      INTEGER NOT NULL,
    root        BLOB NOT NULL CHECK (length(root) = 32),
    map         BLOB,
    PRIMARY KEY (institution, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_counters_by_day ON mirror_counters (institution, day);

-- Signed checkpoints that contradict what the chain has anchored: whoever holds one can show it to anybody.
CREATE TABLE mirror_evidence (
    id            INTEGER PRIMARY KEY,
    institution   INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL,             -- our clock
    note          TEXT NOT NULL,
    anchored_size INTEGER NOT NULL,
    anchored_root BLOB NOT NULL CHECK (length(anchored_root) = 32),
    UNIQUE (institution, note, anchored_size)
) STRICT;
