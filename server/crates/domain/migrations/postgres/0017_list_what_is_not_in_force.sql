-- A signature that is not in force is shown by itself while a tag names it: nothing else shows that tag.
UPDATE artifacts SET listed = 1 WHERE listed = 0 AND hidden = 0 AND accessory_kind IS NOT NULL AND tag_count > 0 AND NOT EXISTS
  (SELECT 1 FROM accessories AS x JOIN artifacts AS s ON s.repository_id = x.repository_id AND s.digest = x.subject_digest
   WHERE x.artifact_id = artifacts.id AND x.superseded = 0);
UPDATE repositories SET artifact_count = (SELECT COUNT(*) FROM artifacts AS a WHERE a.repository_id = repositories.id AND a.listed = 1);
UPDATE projects SET artifact_count = (SELECT COUNT(*) FROM artifacts AS a JOIN repositories AS r ON r.id = a.repository_id
  WHERE a.project_id = projects.id AND a.listed = 1 AND r.pushed_at IS NOT NULL);
