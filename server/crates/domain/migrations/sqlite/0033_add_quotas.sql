-- What living artifacts are made of, by project: a blob once however many artifacts share it, and the manifests. What is deleted counts no more,
-- a repository that was set aside neither, nor what no artifact is made of. Kept up by triggers, so that no path can forget it.
-- storage_limit: how much that may be, in bytes; -1 is no limit.

ALTER TABLE projects ADD COLUMN used_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN storage_limit BIGINT NOT NULL DEFAULT -1;
CREATE INDEX projects_used ON projects (used_bytes);
CREATE INDEX uploads_project ON uploads (project_id);

UPDATE projects SET used_bytes =
  (SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM blobs AS b WHERE b.digest IN
    (SELECT l.digest FROM repositories AS r JOIN repository_blobs AS l ON l.repository_id = r.id
     WHERE r.project_id = projects.id AND r.name NOT LIKE '#%'
       AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id)))
  + (SELECT CAST(COALESCE(SUM(a.manifest_size), 0) AS BIGINT) FROM repositories AS r JOIN artifacts AS a ON a.repository_id = r.id
     WHERE r.project_id = projects.id AND r.name NOT LIKE '#%');

CREATE TRIGGER artifact_blobs_used AFTER INSERT ON artifact_blobs BEGIN
  UPDATE projects SET used_bytes = used_bytes + COALESCE((SELECT size FROM blobs WHERE digest = NEW.digest), 0)
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = NEW.repository_id AND r.name NOT LIKE '#%')
      AND EXISTS (SELECT 1 FROM repository_blobs AS l WHERE l.digest = NEW.digest AND l.project_id = projects.id AND l.repository_id = NEW.repository_id)
      AND NOT EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = NEW.digest AND x.repository_id = NEW.repository_id AND x.artifact_id <> NEW.artifact_id)
      AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
      WHERE l.digest = NEW.digest AND l.project_id = projects.id AND r.name NOT LIKE '#%' AND l.repository_id <> NEW.repository_id
        AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id));
END;
CREATE TRIGGER artifact_blobs_unused AFTER DELETE ON artifact_blobs BEGIN
  UPDATE projects SET used_bytes = used_bytes - COALESCE((SELECT size FROM blobs WHERE digest = OLD.digest), 0)
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = OLD.repository_id AND r.name NOT LIKE '#%')
      AND EXISTS (SELECT 1 FROM repository_blobs AS l WHERE l.digest = OLD.digest AND l.project_id = projects.id AND l.repository_id = OLD.repository_id)
      AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
      WHERE l.digest = OLD.digest AND l.project_id = projects.id AND r.name NOT LIKE '#%'
        AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id));
END;
CREATE TRIGGER repository_blobs_used AFTER INSERT ON repository_blobs BEGIN
  UPDATE projects SET used_bytes = used_bytes + COALESCE((SELECT size FROM blobs WHERE digest = NEW.digest), 0)
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = NEW.repository_id AND r.name NOT LIKE '#%')
      AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = NEW.digest AND x.repository_id = NEW.repository_id)
      AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
      WHERE l.digest = NEW.digest AND l.project_id = projects.id AND r.name NOT LIKE '#%' AND l.repository_id <> NEW.repository_id
        AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id));
END;
CREATE TRIGGER repository_blobs_unused AFTER DELETE ON repository_blobs BEGIN
  UPDATE projects SET used_bytes = used_bytes - COALESCE((SELECT size FROM blobs WHERE digest = OLD.digest), 0)
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = OLD.repository_id AND r.name NOT LIKE '#%')
      AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = OLD.digest AND x.repository_id = OLD.repository_id)
      AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
      WHERE l.digest = OLD.digest AND l.project_id = projects.id AND r.name NOT LIKE '#%'
        AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id));
END;
CREATE TRIGGER artifacts_used AFTER INSERT ON artifacts BEGIN
  UPDATE projects SET used_bytes = used_bytes + NEW.manifest_size WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = NEW.repository_id AND r.name NOT LIKE '#%');
END;
CREATE TRIGGER artifacts_unused AFTER DELETE ON artifacts BEGIN
  UPDATE projects SET used_bytes = used_bytes - OLD.manifest_size WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = OLD.repository_id AND r.name NOT LIKE '#%');
END;
CREATE TRIGGER repositories_set_aside AFTER UPDATE OF name ON repositories WHEN OLD.name NOT LIKE '#%' AND NEW.name LIKE '#%' BEGIN
  UPDATE projects SET used_bytes = used_bytes - ((SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM repository_blobs AS h JOIN blobs AS b ON b.digest = h.digest
        WHERE h.repository_id = NEW.id
          AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = h.digest AND x.repository_id = h.repository_id)
          AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
            WHERE l.digest = h.digest AND l.project_id = h.project_id AND r.name NOT LIKE '#%' AND l.repository_id <> NEW.id
              AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id)))
      + (SELECT CAST(COALESCE(SUM(a.manifest_size), 0) AS BIGINT) FROM artifacts AS a WHERE a.repository_id = NEW.id))
    WHERE id = NEW.project_id;
END;
CREATE TRIGGER repositories_brought_back AFTER UPDATE OF name ON repositories WHEN OLD.name LIKE '#%' AND NEW.name NOT LIKE '#%' BEGIN
  UPDATE projects SET used_bytes = used_bytes + ((SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM repository_blobs AS h JOIN blobs AS b ON b.digest = h.digest
        WHERE h.repository_id = NEW.id
          AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = h.digest AND x.repository_id = h.repository_id)
          AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
            WHERE l.digest = h.digest AND l.project_id = h.project_id AND r.name NOT LIKE '#%' AND l.repository_id <> NEW.id
              AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id)))
      + (SELECT CAST(COALESCE(SUM(a.manifest_size), 0) AS BIGINT) FROM artifacts AS a WHERE a.repository_id = NEW.id))
    WHERE id = NEW.project_id;
END;
