-- Garbage collection. `touched_at`: when a push last counted on it, so that no collection takes it for a while: what is
-- there now may be counted on.

ALTER TABLE repository_blobs ADD COLUMN touched_at BIGINT NOT NULL DEFAULT 0;
UPDATE repository_blobs SET touched_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
ALTER TABLE blobs ADD COLUMN touched_at BIGINT NOT NULL DEFAULT 0;
UPDATE blobs SET touched_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;

CREATE TABLE collections (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  status TEXT NOT NULL,
  trigger_kind TEXT NOT NULL,
  dry_run BIGINT NOT NULL,
  requested_by TEXT NOT NULL,
  checked BIGINT NOT NULL,
  blobs BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  young BIGINT NOT NULL,
  error TEXT NOT NULL,
  log TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT
);
