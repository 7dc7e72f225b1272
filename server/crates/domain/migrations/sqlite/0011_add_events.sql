-- What happened, typed: the audit log is this table. Refusals of an hour by one caller are one row.
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  times BIGINT NOT NULL,
  kind TEXT NOT NULL,
  project_id BIGINT, -- none: of the system
  payload TEXT NOT NULL, -- JSON
  outcome TEXT NOT NULL, -- done, refused
  actor TEXT NOT NULL,
  actor_id BIGINT NOT NULL,
  via TEXT NOT NULL,
  address TEXT NOT NULL,
  request_id TEXT NOT NULL
);
CREATE INDEX events_project ON events (project_id, id);
INSERT INTO events (at, last_at, times, kind, project_id, payload, outcome, actor, actor_id, via, address, request_id)
  SELECT at, at, 1, action, project_id, json_object('object', object, 'detail', detail), outcome, actor, actor_id, via, address, request_id FROM audit ORDER BY id;
DROP TABLE audit;
