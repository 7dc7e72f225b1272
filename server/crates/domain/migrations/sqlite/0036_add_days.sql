-- What happened on each day, from midnight to midnight UTC; a day is its number since 1970-01-01. A push counts itself with the repository; what is
-- not in its day yet is told by the two counters, so that nothing is lost or counted twice when the server is killed.
ALTER TABLE repositories ADD COLUMN push_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN pushes_noted BIGINT NOT NULL DEFAULT 0;
CREATE INDEX repositories_to_note ON repositories (id) WHERE push_count <> pushes_noted;

CREATE TABLE repository_days (
  repository_id BIGINT NOT NULL,
  project_id BIGINT NOT NULL,
  day BIGINT NOT NULL,
  pulls BIGINT NOT NULL,
  pushes BIGINT NOT NULL,
  PRIMARY KEY (repository_id, day)
) WITHOUT ROWID;
CREATE INDEX repository_days_project ON repository_days (project_id, day);
CREATE INDEX repository_days_day ON repository_days (day);

-- Of the whole project, also what its repositories that are gone did; and the bytes of its living artifacts as they were looked at last on that day.
CREATE TABLE project_days (
  project_id BIGINT NOT NULL,
  day BIGINT NOT NULL,
  pulls BIGINT NOT NULL,
  pushes BIGINT NOT NULL,
  stored BIGINT NOT NULL,
  PRIMARY KEY (project_id, day)
) WITHOUT ROWID;
CREATE INDEX project_days_day ON project_days (day);
