-- An index's word had put signatures in force again that no tag names, and images counted as signed by them.
UPDATE accessories SET superseded = 1 WHERE superseded = 0 AND attachment = 'cosign-tag' AND NOT EXISTS
  (SELECT 1 FROM tags AS t WHERE t.artifact_id = accessories.artifact_id AND t.name IN (REPLACE(accessories.subject_digest, ':', '-') || '.sig',
    REPLACE(accessories.subject_digest, ':', '-') || '.att', REPLACE(accessories.subject_digest, ':', '-') || '.sbom'));
UPDATE artifacts SET signed = 0 WHERE signed = 1 AND NOT EXISTS
  (SELECT 1 FROM accessories AS x WHERE x.repository_id = artifacts.repository_id AND x.subject_digest = artifacts.digest
    AND x.superseded = 0 AND x.kind IN ('cosign-signature', 'notation-signature'));
-- What an index that is gone had said of others.
DELETE FROM accessories WHERE attachment = 'index-child' AND NOT EXISTS
  (SELECT 1 FROM artifacts AS a JOIN artifact_children AS x ON x.repository_id = a.repository_id AND x.child_digest = a.digest
   JOIN artifact_children AS y ON y.repository_id = a.repository_id AND y.child_digest = accessories.subject_digest AND y.parent_id = x.parent_id
   WHERE a.id = accessories.artifact_id);
UPDATE artifacts SET accessory_kind = NULL, accessory_detail = '' WHERE accessory_kind IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM accessories AS x WHERE x.artifact_id = artifacts.id);
UPDATE artifacts SET listed = 1 WHERE listed = 0 AND hidden = 0 AND (parent_count = 0 OR tag_count > 0)
  AND (accessory_kind IS NULL OR NOT EXISTS
    (SELECT 1 FROM accessories AS x JOIN artifacts AS s ON s.repository_id = x.repository_id AND s.digest = x.subject_digest
     WHERE x.artifact_id = artifacts.id AND (x.superseded = 0 OR artifacts.tag_count = 0)));
UPDATE repositories SET artifact_count = (SELECT COUNT(*) FROM artifacts AS a WHERE a.repository_id = repositories.id AND a.listed = 1);
UPDATE projects SET artifact_count = (SELECT COUNT(*) FROM artifacts AS a JOIN repositories AS r ON r.id = a.repository_id
  WHERE a.project_id = projects.id AND a.listed = 1 AND r.pushed_at IS NOT NULL);
