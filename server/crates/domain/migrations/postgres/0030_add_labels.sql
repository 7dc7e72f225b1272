-- Labels: coloured words on artifacts, of a project or, with project 0, for all. A deletion keeps the numbers of those that went along.
CREATE TABLE labels (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  description TEXT COLLATE "C" NOT NULL,
  color TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX labels_project_name ON labels (project_id, name);
CREATE TABLE artifact_labels (
  artifact_id BIGINT NOT NULL,
  label_id BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (artifact_id, label_id)
);
CREATE INDEX artifact_labels_label ON artifact_labels (label_id);
ALTER TABLE deleted_artifacts ADD COLUMN labels TEXT COLLATE "C" NOT NULL DEFAULT '';
