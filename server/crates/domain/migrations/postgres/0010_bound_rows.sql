-- What a list shows of a row has an end, and what a push finds out is kept, so that nothing is parsed inside a write.

-- By its types no runtime takes it for an image: BuildKit's attestations, signatures, bills of materials.
ALTER TABLE artifacts ADD COLUMN passive BIGINT NOT NULL DEFAULT 0;
WITH m AS MATERIALIZED (
  SELECT artifact_id, convert_from(content, 'UTF8') AS content FROM manifests
  WHERE convert_from(content, 'UTF8') LIKE '%application/vnd.in-toto+json%' AND convert_from(content, 'UTF8') NOT LIKE '%\\u0000%')
UPDATE artifacts SET passive = 1 WHERE id IN (
  SELECT m.artifact_id FROM m WHERE NOT EXISTS (SELECT 1 FROM json_array_elements(CASE WHEN json_typeof(m.content::json -> 'layers') = 'array' THEN m.content::json -> 'layers' ELSE '[]'::json END) AS l(value) WHERE l.value ->> 'mediaType' <> 'application/vnd.in-toto+json'));
UPDATE artifacts SET annotations = 'null' WHERE OCTET_LENGTH(annotations) > 16384;

-- A layer that may be elsewhere is kept where somebody pushed it, and may be missing where nobody did.
ALTER TABLE artifact_blobs ADD COLUMN optional BIGINT NOT NULL DEFAULT 0;
WITH m AS MATERIALIZED (
  SELECT artifact_id, convert_from(content, 'UTF8') AS content FROM manifests
  WHERE (convert_from(content, 'UTF8') LIKE '%"urls"%' OR convert_from(content, 'UTF8') LIKE '%foreign%' OR convert_from(content, 'UTF8') LIKE '%nondistributable%') AND convert_from(content, 'UTF8') NOT LIKE '%\\u0000%')
INSERT INTO artifact_blobs (artifact_id, digest, size, repository_id, optional)
  SELECT DISTINCT a.id, b.digest, b.size, a.repository_id, 1 FROM m JOIN artifacts AS a ON a.id = m.artifact_id
  CROSS JOIN LATERAL json_array_elements(CASE WHEN json_typeof(m.content::json -> 'layers') = 'array' THEN m.content::json -> 'layers' ELSE '[]'::json END) AS l(value)
  JOIN blobs AS b ON b.digest = l.value ->> 'digest'
  JOIN repository_blobs AS rb ON rb.digest = b.digest AND rb.repository_id = a.repository_id
  WHERE NOT EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.artifact_id = a.id AND x.digest = b.digest);

-- A row's first tags by name are read, not all of them.
DROP INDEX tags_artifact;
CREATE INDEX tags_artifact ON tags (artifact_id, name);

-- An accessory whose subject is not here is shown by itself.
UPDATE artifacts SET listed = 1 WHERE listed = 0 AND hidden = 0 AND accessory_kind IS NOT NULL AND (parent_count = 0 OR tag_count > 0)
  AND NOT EXISTS (SELECT 1 FROM accessories AS x JOIN artifacts AS s ON s.repository_id = x.repository_id AND s.digest = x.subject_digest
    WHERE x.artifact_id = artifacts.id);
UPDATE repositories SET artifact_count = (SELECT COUNT(*) FROM artifacts AS a WHERE a.repository_id = repositories.id AND a.listed = 1);
UPDATE projects SET artifact_count = (SELECT COUNT(*) FROM artifacts AS a WHERE a.project_id = projects.id AND a.listed = 1);
