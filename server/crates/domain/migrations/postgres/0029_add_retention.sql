-- Tag retention: a policy a project, its runs, their tasks (one a repository), and what became of each artifact.
CREATE TABLE retentions (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id BIGINT NOT NULL,
  rules TEXT COLLATE "C" NOT NULL, -- JSON
  uncovered TEXT COLLATE "C" NOT NULL, -- keep or remove: what no rule takes
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX retentions_project ON retentions (project_id);

CREATE TABLE retention_runs (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  retention_id BIGINT NOT NULL,
  project_id BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  trigger_kind TEXT COLLATE "C" NOT NULL,
  dry_run BIGINT NOT NULL,
  requested_by TEXT COLLATE "C" NOT NULL,
  rules TEXT COLLATE "C" NOT NULL, -- as they were when it was asked for
  rest TEXT COLLATE "C" NOT NULL, -- keep or remove
  kept BIGINT NOT NULL,
  removed BIGINT NOT NULL,
  uncovered BIGINT NOT NULL,
  held BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  log TEXT COLLATE "C" NOT NULL,
  at_repository BIGINT NOT NULL, -- the last that is done
  started_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX retention_runs_retention ON retention_runs (retention_id, id);

CREATE TABLE retention_tasks (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  repository TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  kept BIGINT NOT NULL,
  removed BIGINT NOT NULL,
  uncovered BIGINT NOT NULL,
  held BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE UNIQUE INDEX retention_tasks_run ON retention_tasks (run_id, repository_id);

CREATE TABLE retention_results (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id BIGINT NOT NULL,
  task_id BIGINT NOT NULL,
  artifact_id BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  tags TEXT COLLATE "C" NOT NULL, -- the first, separated by spaces
  fate TEXT COLLATE "C" NOT NULL,
  taken_by BIGINT NOT NULL, -- bit n: the rule n keeps it, or took it
  why TEXT COLLATE "C" NOT NULL,
  pushed_at BIGINT NOT NULL,
  pulled_at BIGINT
);
CREATE INDEX retention_results_run ON retention_results (run_id, fate, id);
CREATE INDEX retention_results_task ON retention_results (task_id, fate);
