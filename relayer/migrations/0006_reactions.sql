-- What the chain says is projected (rows); what follows from it is done once, whichever way it became known: by its
-- block, by a rebuild from the contracts' state, by a reconcile. A row here says: done.
CREATE TABLE reactions (
    relationship INTEGER NOT NULL,
    fact         TEXT NOT NULL CHECK (fact IN ('opened', 'accepted', 'ended', 'grant', 'revoke')),
    number       INTEGER NOT NULL,              -- of the grant; 0 otherwise
    PRIMARY KEY (relationship, fact, number)
) STRICT, WITHOUT ROWID;

-- The delegate that opened (`steward` is the present one), and what `accept` sealed to him: with these a rebuild can
-- find the opening and start the ratchet.
ALTER TABLE relationships ADD COLUMN opened_by TEXT NOT NULL DEFAULT '';
ALTER TABLE relationships ADD COLUMN sealed_accept BLOB;
UPDATE relationships SET opened_by = coalesce(
    (SELECT steward FROM openings WHERE relationship = relationships.id), steward);

-- What an older relayer has reacted to already.
INSERT INTO reactions SELECT id, 'opened', 0 FROM relationships;
INSERT INTO reactions SELECT relationship, 'accepted', 0 FROM ratchets;
INSERT INTO reactions SELECT relationship, 'accepted', 0 FROM skipped WHERE relationship IS NOT NULL
    ON CONFLICT DO NOTHING;
INSERT INTO reactions SELECT id, 'ended', 0 FROM relationships WHERE status IN ('rejected', 'closed');
INSERT INTO reactions SELECT relationship, 'grant', number FROM grants
    WHERE relationship IN (SELECT relationship FROM ratchets);
INSERT INTO reactions SELECT relationship, 'revoke', number FROM grants
    WHERE revoked_at IS NOT NULL AND relationship IN (SELECT relationship FROM ratchets);
