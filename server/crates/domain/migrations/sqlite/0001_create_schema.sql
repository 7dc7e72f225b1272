-- The whole first schema. The PostgreSQL folder ends in the same tables; a test compares them.
-- BIGINT, TEXT and bytes only; booleans are 0/1; times are milliseconds since the epoch; JSON is TEXT.

CREATE TABLE meta (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  name_folded TEXT NOT NULL,
  email TEXT NOT NULL,
  full_name TEXT NOT NULL,
  comment TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  admin BIGINT NOT NULL,
  disabled BIGINT NOT NULL,
  credentials_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT
);
CREATE UNIQUE INDEX users_name ON users (name_folded) WHERE deleted_at IS NULL;

CREATE TABLE sessions (
  id_hash TEXT NOT NULL PRIMARY KEY,
  user_id BIGINT NOT NULL,
  data TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE projects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  public BIGINT NOT NULL,
  require_signature BIGINT NOT NULL,
  owner_id BIGINT NOT NULL,
  repository_count BIGINT NOT NULL,
  artifact_count BIGINT NOT NULL,
  member_count BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT
);
CREATE UNIQUE INDEX projects_name ON projects (name) WHERE deleted_at IS NULL;

CREATE TABLE members (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  role BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX members_project_user ON members (project_id, user_id);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE robots (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id BIGINT NOT NULL, -- 0: on system level
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  secret_hash TEXT NOT NULL,
  disabled BIGINT NOT NULL,
  days BIGINT NOT NULL,
  expires_at BIGINT,
  credentials_version BIGINT NOT NULL,
  last_used_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX robots_project_name ON robots (project_id, name);

CREATE TABLE robot_grants (
  robot_id BIGINT NOT NULL,
  scope TEXT NOT NULL, -- system, all or project
  project_id BIGINT NOT NULL, -- 0 unless the scope is a project
  action TEXT NOT NULL,
  PRIMARY KEY (robot_id, scope, project_id, action)
);
CREATE INDEX robot_grants_project ON robot_grants (project_id);

CREATE TABLE repositories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  artifact_count BIGINT NOT NULL,
  pull_count BIGINT NOT NULL,
  pushed_at BIGINT, -- null until the first manifest: an upload alone shows nothing
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX repositories_project_name ON repositories (project_id, name);

CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  artifact_type TEXT NOT NULL,
  kind TEXT NOT NULL,
  size BIGINT NOT NULL,
  manifest_size BIGINT NOT NULL,
  annotations TEXT NOT NULL,
  subject_digest TEXT,
  accessory_kind TEXT, -- set: it is an accessory, and listed under its subject only
  accessory_detail TEXT NOT NULL,
  hidden BIGINT NOT NULL, -- a referrers fallback index, or a signature that was superseded
  listed BIGINT NOT NULL, -- shown in the repository's list
  signed BIGINT NOT NULL,
  tag_count BIGINT NOT NULL,
  parent_count BIGINT NOT NULL,
  pull_count BIGINT NOT NULL,
  pushed_at BIGINT NOT NULL,
  pulled_at BIGINT,
  deleted_at BIGINT,
  version BIGINT NOT NULL
);
CREATE UNIQUE INDEX artifacts_repository_digest ON artifacts (repository_id, digest);
CREATE INDEX artifacts_listed ON artifacts (repository_id, listed, pushed_at, id);
CREATE INDEX artifacts_project ON artifacts (project_id, listed, signed);

CREATE TABLE manifests (
  artifact_id BIGINT NOT NULL PRIMARY KEY,
  content BLOB NOT NULL
);

CREATE TABLE tags (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id BIGINT NOT NULL,
  artifact_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  pushed_at BIGINT NOT NULL,
  pulled_at BIGINT
);
CREATE UNIQUE INDEX tags_repository_name ON tags (repository_id, name);
CREATE INDEX tags_artifact ON tags (artifact_id);

CREATE TABLE artifact_children (
  parent_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  child_digest TEXT NOT NULL,
  platform TEXT NOT NULL,
  PRIMARY KEY (parent_id, position)
);
CREATE INDEX artifact_children_child ON artifact_children (repository_id, child_digest);

CREATE TABLE artifact_blobs (
  artifact_id BIGINT NOT NULL,
  digest TEXT NOT NULL,
  size BIGINT NOT NULL,
  PRIMARY KEY (artifact_id, digest)
);
CREATE INDEX artifact_blobs_digest ON artifact_blobs (digest);

CREATE TABLE accessories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id BIGINT NOT NULL,
  subject_digest TEXT NOT NULL, -- no foreign key: the signature may come before what it signs
  artifact_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  attachment TEXT NOT NULL,
  detail TEXT NOT NULL,
  superseded BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX accessories_artifact_subject ON accessories (artifact_id, subject_digest);
CREATE INDEX accessories_subject ON accessories (repository_id, subject_digest, superseded);

CREATE TABLE blobs (
  digest TEXT NOT NULL PRIMARY KEY,
  size BIGINT NOT NULL,
  state TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE repository_blobs (
  repository_id BIGINT NOT NULL,
  digest TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (repository_id, digest)
);
CREATE INDEX repository_blobs_digest ON repository_blobs (digest);

CREATE TABLE uploads (
  id TEXT NOT NULL PRIMARY KEY,
  project_id BIGINT NOT NULL,
  repository TEXT NOT NULL,
  principal TEXT NOT NULL,
  received BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX uploads_expires ON uploads (expires_at);
CREATE INDEX uploads_principal ON uploads (principal);

CREATE TABLE targets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  provider TEXT NOT NULL,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  access_id TEXT NOT NULL,
  secret BLOB, -- sealed, bound to this row
  secret_version BIGINT NOT NULL,
  verify_certificate BIGINT NOT NULL,
  ca_certificate TEXT NOT NULL,
  healthy BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX targets_name ON targets (name);

CREATE TABLE rules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  target_id BIGINT NOT NULL,
  repositories TEXT NOT NULL,
  tag_mode TEXT NOT NULL,
  tags TEXT NOT NULL,
  namespace TEXT NOT NULL,
  flatten BIGINT NOT NULL,
  overwrite BIGINT NOT NULL,
  enabled BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX rules_name ON rules (name);
CREATE INDEX rules_target ON rules (target_id);

CREATE TABLE executions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rule_id BIGINT NOT NULL,
  status TEXT NOT NULL,
  status_text TEXT NOT NULL,
  trigger_kind TEXT NOT NULL,
  artifact_id BIGINT, -- set: this artifact only
  requested_by TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX executions_rule ON executions (rule_id, id);

CREATE TABLE tasks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  execution_id BIGINT NOT NULL,
  artifact_id BIGINT NOT NULL,
  status TEXT NOT NULL,
  source TEXT NOT NULL,
  destination TEXT NOT NULL,
  digest TEXT NOT NULL,
  tags TEXT NOT NULL,
  accessories TEXT NOT NULL,
  bytes_done BIGINT NOT NULL,
  bytes_total BIGINT NOT NULL,
  error TEXT NOT NULL,
  log TEXT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT
);
CREATE INDEX tasks_execution ON tasks (execution_id, id);

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  state TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  run_after BIGINT NOT NULL,
  lease_owner TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  stop_requested BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX jobs_kind_key ON jobs (kind, key);
CREATE INDEX jobs_due ON jobs (state, run_after);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  actor_id BIGINT NOT NULL,
  via TEXT NOT NULL,
  address TEXT NOT NULL,
  request_id TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  project_id BIGINT,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX audit_project ON audit (project_id, id);
