-- How much lies in a repository and in a project, kept up by triggers, so that no path that links or unlinks can forget it.
-- stored: every blob once, and the manifests. logical: what each artifact would take if nothing were shared.

ALTER TABLE repositories ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN logical_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN logical_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repository_blobs ADD COLUMN project_id BIGINT NOT NULL DEFAULT 0;
UPDATE repository_blobs SET project_id = COALESCE((SELECT r.project_id FROM repositories AS r WHERE r.id = repository_blobs.repository_id), 0);
CREATE INDEX repository_blobs_project ON repository_blobs (project_id, digest);
-- Whether a repository needs a blob is one look, however many artifacts it has and however many others share the blob.
ALTER TABLE artifact_blobs ADD COLUMN repository_id BIGINT NOT NULL DEFAULT 0;
UPDATE artifact_blobs SET repository_id = COALESCE((SELECT a.repository_id FROM artifacts AS a WHERE a.id = artifact_blobs.artifact_id), 0);
CREATE INDEX artifact_blobs_repository ON artifact_blobs (repository_id, digest);

UPDATE repositories SET
  stored_bytes =
    (SELECT COALESCE(SUM(b.size), 0) FROM repository_blobs AS l JOIN blobs AS b ON b.digest = l.digest WHERE l.repository_id = repositories.id)
    + (SELECT COALESCE(SUM(a.manifest_size), 0) FROM artifacts AS a WHERE a.repository_id = repositories.id),
  logical_bytes =
    (SELECT COALESCE(SUM(x.size), 0) FROM artifacts AS a JOIN artifact_blobs AS x ON x.artifact_id = a.id WHERE a.repository_id = repositories.id)
    + (SELECT COALESCE(SUM(a.manifest_size), 0) FROM artifacts AS a WHERE a.repository_id = repositories.id);
UPDATE projects SET
  stored_bytes =
    (SELECT COALESCE(SUM(b.size), 0) FROM blobs AS b WHERE b.digest IN (SELECT l.digest FROM repository_blobs AS l WHERE l.project_id = projects.id))
    + (SELECT COALESCE(SUM(a.manifest_size), 0) FROM artifacts AS a WHERE a.project_id = projects.id),
  logical_bytes = (SELECT COALESCE(SUM(r.logical_bytes), 0) FROM repositories AS r WHERE r.project_id = projects.id);

CREATE TRIGGER repository_blobs_linked AFTER INSERT ON repository_blobs BEGIN
  UPDATE repositories SET stored_bytes = stored_bytes + COALESCE((SELECT size FROM blobs WHERE digest = NEW.digest), 0)
    WHERE id = NEW.repository_id;
  UPDATE projects SET stored_bytes = stored_bytes + COALESCE((SELECT size FROM blobs WHERE digest = NEW.digest), 0)
    WHERE id = NEW.project_id AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l
      WHERE l.project_id = NEW.project_id AND l.digest = NEW.digest AND l.repository_id <> NEW.repository_id);
END;
CREATE TRIGGER repository_blobs_unlinked AFTER DELETE ON repository_blobs BEGIN
  UPDATE repositories SET stored_bytes = stored_bytes - COALESCE((SELECT size FROM blobs WHERE digest = OLD.digest), 0)
    WHERE id = OLD.repository_id;
  UPDATE projects SET stored_bytes = stored_bytes - COALESCE((SELECT size FROM blobs WHERE digest = OLD.digest), 0)
    WHERE id = OLD.project_id AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l
      WHERE l.project_id = OLD.project_id AND l.digest = OLD.digest AND l.repository_id <> OLD.repository_id);
END;
CREATE TRIGGER artifact_blobs_added AFTER INSERT ON artifact_blobs BEGIN
  UPDATE repositories SET logical_bytes = logical_bytes + NEW.size
    WHERE id = NEW.repository_id;
  UPDATE projects SET logical_bytes = logical_bytes + NEW.size
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = NEW.repository_id);
END;
CREATE TRIGGER artifact_blobs_removed AFTER DELETE ON artifact_blobs BEGIN
  UPDATE repositories SET logical_bytes = logical_bytes - OLD.size
    WHERE id = OLD.repository_id;
  UPDATE projects SET logical_bytes = logical_bytes - OLD.size
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = OLD.repository_id);
END;
CREATE TRIGGER artifacts_added AFTER INSERT ON artifacts BEGIN
  UPDATE repositories SET stored_bytes = stored_bytes + NEW.manifest_size, logical_bytes = logical_bytes + NEW.manifest_size
    WHERE id = NEW.repository_id;
  UPDATE projects SET stored_bytes = stored_bytes + NEW.manifest_size, logical_bytes = logical_bytes + NEW.manifest_size
    WHERE id = NEW.project_id;
END;
CREATE TRIGGER artifacts_removed AFTER DELETE ON artifacts BEGIN
  UPDATE repositories SET stored_bytes = stored_bytes - OLD.manifest_size, logical_bytes = logical_bytes - OLD.manifest_size
    WHERE id = OLD.repository_id;
  UPDATE projects SET stored_bytes = stored_bytes - OLD.manifest_size, logical_bytes = logical_bytes - OLD.manifest_size
    WHERE id = OLD.project_id;
END;
