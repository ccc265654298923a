-- When a transaction was queued, for the operator: the wall clock of this machine, nothing is decided by it.
ALTER TABLE outbox ADD COLUMN queued_at INTEGER;
CREATE TRIGGER outbox_queued AFTER INSERT ON outbox BEGIN
    UPDATE outbox SET queued_at = unixepoch() WHERE id = NEW.id;
END;
