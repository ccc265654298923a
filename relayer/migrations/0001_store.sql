-- The relayer's store: one durability domain. Filing state, a label's counter and the entry commit together;
-- the projection and its cursor commit together. Words as in the design's glossary.

-- Facts this store belongs to: chain id, log origin, institution, slot. Checked at every start.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Newest applied block. `block_time` is the chain's, seconds since 1970.
CREATE TABLE cursor (
    id         INTEGER PRIMARY KEY CHECK (id = 0),
    height     INTEGER NOT NULL,
    block_time INTEGER NOT NULL,
    block_hash BLOB NOT NULL
) STRICT;

-- Projection: institutions of the registrar, for cards.
CREATE TABLE institutions (
    id          INTEGER PRIMARY KEY,
    active      INTEGER NOT NULL CHECK (active IN (0, 1)),
    signing_key BLOB NOT NULL CHECK (length(signing_key) = 32)
) STRICT;

-- Projection: relationships opened by this institution.
CREATE TABLE relationships (
    id            INTEGER PRIMARY KEY,
    patient       TEXT NOT NULL,
    steward       TEXT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('offered', 'active', 'rejected', 'closed')),
    opened_height INTEGER NOT NULL
) STRICT;

-- Projection: their grants. `starts` and `ends` are the window [from, until), block time.
CREATE TABLE grants (
    relationship INTEGER NOT NULL REFERENCES relationships (id),
    number       INTEGER NOT NULL,
    viewer       TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('read', 'act')),
    tags         BLOB NOT NULL,
    starts       INTEGER NOT NULL,
    ends         INTEGER NOT NULL,
    revoked_at   INTEGER,
    PRIMARY KEY (relationship, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_viewer ON grants (relationship, viewer);

-- The steward's side of a relationship, from the moment staff asks for it. `kem_secret` and `steward_part` are
-- sealed under the store key and erased once the relationship is accepted, rejected or closed.
CREATE TABLE openings (
    delegate     INTEGER PRIMARY KEY,           -- index of the delegate's key
    steward      TEXT NOT NULL UNIQUE,
    patient      TEXT NOT NULL,
    patient_id   TEXT NOT NULL,                 -- the hospital's own id: never leaves this file
    requested_at INTEGER NOT NULL,
    relationship INTEGER UNIQUE,
    failed       TEXT,
    kem_secret   BLOB,
    steward_part BLOB
) STRICT;
CREATE INDEX openings_by_patient ON openings (patient);

-- One ratchet a relationship: the chain key of the next entry only. Sealed under the store key.
CREATE TABLE ratchets (
    relationship INTEGER PRIMARY KEY REFERENCES relationships (id),
    counter      INTEGER NOT NULL,
    chain_key    BLOB NOT NULL,
    tag_key      BLOB NOT NULL
) STRICT;

-- Relationships whose rows must be read and filed. `wanted` moves when a reason arises, `done` follows.
CREATE TABLE filing (
    relationship INTEGER PRIMARY KEY REFERENCES relationships (id),
    wanted       INTEGER NOT NULL,
    done         INTEGER NOT NULL
) STRICT;

-- Newest version of every filed record. `record_key` is sealed; destroying it erases the record.
CREATE TABLE records (
    relationship  INTEGER NOT NULL REFERENCES relationships (id),
    scope         TEXT NOT NULL,
    source_key    TEXT NOT NULL,
    record_id     BLOB NOT NULL UNIQUE CHECK (length(record_id) = 16),
    record_key    BLOB NOT NULL,
    version       INTEGER NOT NULL,
    scope_hash    BLOB NOT NULL CHECK (length(scope_hash) = 32),
    commitment    BLOB NOT NULL CHECK (length(commitment) = 32),
    changed_at    TEXT,
    entry         INTEGER NOT NULL,
    PRIMARY KEY (relationship, scope, source_key)
) STRICT, WITHOUT ROWID;

-- The access log: dense index from 0. `relationship` and `counter` are null in public entries.
CREATE TABLE entries (
    idx          INTEGER PRIMARY KEY,
    label        BLOB NOT NULL UNIQUE CHECK (length(label) = 32),
    entry        BLOB NOT NULL CHECK (length(entry) = 512),
    relationship INTEGER,
    counter      INTEGER,
    UNIQUE (relationship, counter)
) STRICT;

-- Hashes of the log's complete subtrees, written with the entry that completes them.
CREATE TABLE nodes (
    level INTEGER NOT NULL,
    idx   INTEGER NOT NULL,
    hash  BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

-- The log's right edge.
CREATE TABLE log_edge (
    id    INTEGER PRIMARY KEY CHECK (id = 0),
    size  INTEGER NOT NULL,
    nodes BLOB NOT NULL
) STRICT;
INSERT INTO log_edge (id, size, nodes) VALUES (0, 0, x'');

-- Public `scopes` entries of the log: which definitions were in force from which entry on.
CREATE TABLE scope_versions (
    version INTEGER PRIMARY KEY,
    entry   INTEGER NOT NULL,
    digest  BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

-- Transactions on their way: pending -> prepared (bytes kept before they are broadcast) -> confirmed or failed.
-- `content` says what a row does; the same content is never queued twice while it may still succeed.
CREATE TABLE outbox (
    id             INTEGER PRIMARY KEY,
    content        TEXT NOT NULL,
    account        INTEGER NOT NULL,            -- index of the signing key
    contract       TEXT NOT NULL,
    msg            TEXT NOT NULL,
    granter        TEXT,
    state          TEXT NOT NULL CHECK (state IN ('pending', 'prepared', 'confirmed', 'failed')),
    tx             BLOB,
    tx_hash        BLOB,
    sequence       INTEGER,
    timeout_height INTEGER,
    attempts       INTEGER NOT NULL DEFAULT 0,
    height         INTEGER,
    error          TEXT
) STRICT;
CREATE UNIQUE INDEX outbox_content ON outbox (content) WHERE state <> 'failed';
CREATE INDEX outbox_open ON outbox (account, id) WHERE state IN ('pending', 'prepared');

-- Requests answered within their window: the same nonce and digest gets the stored response again.
CREATE TABLE requests (
    signer       TEXT NOT NULL,
    nonce        BLOB NOT NULL,
    digest       BLOB NOT NULL CHECK (length(digest) = 32),
    expires      INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    body         BLOB NOT NULL,
    PRIMARY KEY (signer, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_expiry ON requests (expires);

-- Payloads from the chain that could not be used: recorded, never in the way (security H24).
CREATE TABLE skipped (
    id           INTEGER PRIMARY KEY,
    height       INTEGER NOT NULL,
    relationship INTEGER,
    reason       TEXT NOT NULL
) STRICT;
