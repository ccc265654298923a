-- The research desk. Offers this institution made through this relayer: the secret behind an offer's commitment, sealed under
-- the store key. `question`: hash of a fixed one.
CREATE TABLE desk_offers (
    offer    BLOB PRIMARY KEY CHECK (length(offer) = 32),
    question BLOB CHECK (length(question) = 32),
    price    INTEGER NOT NULL,          -- millionths of ε
    made_at  INTEGER NOT NULL,          -- our clock
    secret   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers, each drawn once. `plain`: padded and signed (wire.md, "Answer of the research desk"), sealed under the store key.
-- An answer and its notes in the log commit together; what is drawn and not here was never seen by anybody.
CREATE TABLE desk_answers (
    id          INTEGER PRIMARY KEY,
    question    BLOB NOT NULL CHECK (length(question) = 32),
    at          INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    epsilon     INTEGER NOT NULL,       -- millionths
    plain       BLOB NOT NULL
) STRICT;
CREATE INDEX desk_answers_by_question ON desk_answers (question, id);

-- What goes to the owner of an offer: sealed to his key once, with its row in the outbox.
CREATE TABLE desk_deliveries (
    offer  BLOB PRIMARY KEY CHECK (length(offer) = 32),
    answer INTEGER NOT NULL REFERENCES desk_answers (id),
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
