-- A record whose row is gone: `version` and `entry` are those of its removal, the rest is as last filed.
ALTER TABLE records ADD COLUMN removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1));
