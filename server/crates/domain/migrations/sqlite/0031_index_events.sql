-- The audit log is read by who did it, and by what was done.
CREATE INDEX events_actor ON events (actor, id);
CREATE INDEX events_kind ON events (kind, id);
