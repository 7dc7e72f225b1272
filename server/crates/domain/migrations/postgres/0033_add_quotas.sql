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

-- By statement: a row's trigger would see all rows of its statement, so that two artifacts which go together would both free what they share.
CREATE FUNCTION artifact_blobs_used() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE projects AS p SET used_bytes = p.used_bytes + s.bytes FROM
    (SELECT n.project_id AS project_id, CAST(SUM(b.size) AS BIGINT) AS bytes FROM
      (SELECT DISTINCT r.project_id AS project_id, a.digest AS digest FROM added AS a
       JOIN repositories AS r ON r.id = a.repository_id AND r.name NOT LIKE '#%'
       JOIN repository_blobs AS l ON l.digest = a.digest AND l.project_id = r.project_id AND l.repository_id = r.id) AS n
     JOIN blobs AS b ON b.digest = n.digest
     WHERE NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
       JOIN artifact_blobs AS x ON x.digest = l.digest AND x.repository_id = l.repository_id
       WHERE l.digest = n.digest AND l.project_id = n.project_id AND r.name NOT LIKE '#%'
         AND NOT EXISTS (SELECT 1 FROM added AS a WHERE a.artifact_id = x.artifact_id AND a.digest = x.digest))
     GROUP BY n.project_id) AS s
  WHERE p.id = s.project_id;
  RETURN NULL;
END $$;
CREATE TRIGGER artifact_blobs_used AFTER INSERT ON artifact_blobs REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION artifact_blobs_used();
CREATE FUNCTION artifact_blobs_unused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE projects AS p SET used_bytes = p.used_bytes - s.bytes FROM
    (SELECT n.project_id AS project_id, CAST(SUM(b.size) AS BIGINT) AS bytes FROM
      (SELECT DISTINCT r.project_id AS project_id, g.digest AS digest FROM gone AS g
       JOIN repositories AS r ON r.id = g.repository_id AND r.name NOT LIKE '#%'
       JOIN repository_blobs AS l ON l.digest = g.digest AND l.project_id = r.project_id AND l.repository_id = r.id) AS n
     JOIN blobs AS b ON b.digest = n.digest
     WHERE NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
       WHERE l.digest = n.digest AND l.project_id = n.project_id AND r.name NOT LIKE '#%'
         AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id))
     GROUP BY n.project_id) AS s
  WHERE p.id = s.project_id;
  RETURN NULL;
END $$;
CREATE TRIGGER artifact_blobs_unused AFTER DELETE ON artifact_blobs REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION artifact_blobs_unused();
CREATE FUNCTION repository_blobs_used() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE projects SET used_bytes = used_bytes + COALESCE((SELECT size FROM blobs WHERE digest = NEW.digest), 0)
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = NEW.repository_id AND r.name NOT LIKE '#%')
      AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = NEW.digest AND x.repository_id = NEW.repository_id)
      AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
      WHERE l.digest = NEW.digest AND l.project_id = projects.id AND r.name NOT LIKE '#%' AND l.repository_id <> NEW.repository_id
        AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id));
  RETURN NULL;
END $$;
CREATE TRIGGER repository_blobs_used AFTER INSERT ON repository_blobs FOR EACH ROW EXECUTE FUNCTION repository_blobs_used();
CREATE FUNCTION repository_blobs_unused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE projects SET used_bytes = used_bytes - COALESCE((SELECT size FROM blobs WHERE digest = OLD.digest), 0)
    WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = OLD.repository_id AND r.name NOT LIKE '#%')
      AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = OLD.digest AND x.repository_id = OLD.repository_id)
      AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
      WHERE l.digest = OLD.digest AND l.project_id = projects.id AND r.name NOT LIKE '#%'
        AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id));
  RETURN NULL;
END $$;
CREATE TRIGGER repository_blobs_unused AFTER DELETE ON repository_blobs FOR EACH ROW EXECUTE FUNCTION repository_blobs_unused();
CREATE FUNCTION artifacts_used() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE projects SET used_bytes = used_bytes + NEW.manifest_size WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = NEW.repository_id AND r.name NOT LIKE '#%');
  RETURN NULL;
END $$;
CREATE TRIGGER artifacts_used AFTER INSERT ON artifacts FOR EACH ROW EXECUTE FUNCTION artifacts_used();
CREATE FUNCTION artifacts_unused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE projects SET used_bytes = used_bytes - OLD.manifest_size WHERE id = (SELECT r.project_id FROM repositories AS r WHERE r.id = OLD.repository_id AND r.name NOT LIKE '#%');
  RETURN NULL;
END $$;
CREATE TRIGGER artifacts_unused AFTER DELETE ON artifacts FOR EACH ROW EXECUTE FUNCTION artifacts_unused();
CREATE FUNCTION repositories_set_aside() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE projects SET used_bytes = used_bytes - ((SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM repository_blobs AS h JOIN blobs AS b ON b.digest = h.digest
        WHERE h.repository_id = NEW.id
          AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = h.digest AND x.repository_id = h.repository_id)
          AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
            WHERE l.digest = h.digest AND l.project_id = h.project_id AND r.name NOT LIKE '#%' AND l.repository_id <> NEW.id
              AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id)))
      + (SELECT CAST(COALESCE(SUM(a.manifest_size), 0) AS BIGINT) FROM artifacts AS a WHERE a.repository_id = NEW.id))
    WHERE id = NEW.project_id;
  RETURN NULL;
END $$;
CREATE TRIGGER repositories_set_aside AFTER UPDATE OF name ON repositories FOR EACH ROW WHEN (OLD.name NOT LIKE '#%' AND NEW.name LIKE '#%') EXECUTE FUNCTION repositories_set_aside();
CREATE FUNCTION repositories_brought_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE projects SET used_bytes = used_bytes + ((SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM repository_blobs AS h JOIN blobs AS b ON b.digest = h.digest
        WHERE h.repository_id = NEW.id
          AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = h.digest AND x.repository_id = h.repository_id)
          AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
            WHERE l.digest = h.digest AND l.project_id = h.project_id AND r.name NOT LIKE '#%' AND l.repository_id <> NEW.id
              AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id)))
      + (SELECT CAST(COALESCE(SUM(a.manifest_size), 0) AS BIGINT) FROM artifacts AS a WHERE a.repository_id = NEW.id))
    WHERE id = NEW.project_id;
  RETURN NULL;
END $$;
CREATE TRIGGER repositories_brought_back AFTER UPDATE OF name ON repositories FOR EACH ROW WHEN (OLD.name LIKE '#%' AND NEW.name NOT LIKE '#%') EXECUTE FUNCTION repositories_brought_back();
