-- Grants revoked by word to this gatekeeper: obeyed for good, whatever the chain says. Outlives a rebuild of the
-- projection, so it refers to none of its tables. `at`: seconds since 1970; `entry`: the `revoke-received` in the log.
CREATE TABLE direct_revokes (
    relationship INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    entry        INTEGER NOT NULL,
    PRIMARY KEY (relationship, number)
) STRICT, WITHOUT ROWID;

-- What patients said of versions of records, by the entry in which they did; the newest stands. `opening`: blind and
-- body of the entry, sealed under the store key, as every viewer is shown them.
CREATE TABLE marks (
    entry        INTEGER PRIMARY KEY,
    relationship INTEGER NOT NULL,
    record_id    BLOB NOT NULL CHECK (length(record_id) = 16),
    version      INTEGER NOT NULL,
    mark         INTEGER NOT NULL CHECK (mark IN (1, 2)),
    opening      BLOB NOT NULL
) STRICT;
CREATE INDEX marks_by_relationship ON marks (relationship);

-- Requests answered within their window, in the order of their commits. `name`: hash of signer and nonce; `kept`: what
-- the same response is made from again, sealed under the store key and the request's signature together, so that
-- only the request itself opens it. `entry`, `counter`, `size`: where in the log it was answered from; `at`, `due`: of the promise.
DROP TABLE requests;
CREATE TABLE requests (
    id      INTEGER PRIMARY KEY,
    name    BLOB NOT NULL UNIQUE CHECK (length(name) = 32),
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    expires INTEGER NOT NULL,
    entry   INTEGER,
    counter INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    due     INTEGER NOT NULL,
    kept    BLOB NOT NULL
) STRICT;
