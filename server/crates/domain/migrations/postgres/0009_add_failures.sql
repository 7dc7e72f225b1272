-- Failed sign-ins that slow the next ones down, also after a restart. The key hides whose they are.

CREATE TABLE failures (
  key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  count BIGINT NOT NULL,
  last_at BIGINT NOT NULL
);
CREATE INDEX failures_last ON failures (last_at);
