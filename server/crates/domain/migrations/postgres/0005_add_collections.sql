-- Garbage collection. `touched_at`: when a push last counted on it, so that no collection takes it for a while: what is
-- there now may be counted on.

ALTER TABLE repository_blobs ADD COLUMN touched_at BIGINT NOT NULL DEFAULT 0;
UPDATE repository_blobs SET touched_at = (EXTRACT(EPOCH FROM now()) * 1000)::BIGINT;
ALTER TABLE blobs ADD COLUMN touched_at BIGINT NOT NULL DEFAULT 0;
UPDATE blobs SET touched_at = (EXTRACT(EPOCH FROM now()) * 1000)::BIGINT;

CREATE TABLE collections (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  status TEXT COLLATE "C" NOT NULL,
  trigger_kind TEXT COLLATE "C" NOT NULL,
  dry_run BIGINT NOT NULL,
  requested_by TEXT COLLATE "C" NOT NULL,
  checked BIGINT NOT NULL,
  blobs BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  young BIGINT NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  log TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT
);
