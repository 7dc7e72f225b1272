-- What happened, typed: the audit log is this table. Refusals of an hour by one caller are one row.
CREATE TABLE events (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  times BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  project_id BIGINT, -- none: of the system
  payload TEXT COLLATE "C" NOT NULL, -- JSON
  outcome TEXT COLLATE "C" NOT NULL, -- done, refused
  actor TEXT COLLATE "C" NOT NULL,
  actor_id BIGINT NOT NULL,
  via TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  request_id TEXT COLLATE "C" NOT NULL
);
CREATE INDEX events_project ON events (project_id, id);
INSERT INTO events (at, last_at, times, kind, project_id, payload, outcome, actor, actor_id, via, address, request_id)
  SELECT at, at, 1, action, project_id, CAST(json_build_object('object', object, 'detail', detail) AS TEXT), outcome, actor, actor_id, via, address, request_id FROM audit ORDER BY id;
DROP TABLE audit;
