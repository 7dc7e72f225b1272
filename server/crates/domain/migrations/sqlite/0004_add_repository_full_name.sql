-- The catalog is in byte order of `project/repository`, which is not the order of the two names.

ALTER TABLE repositories ADD COLUMN full_name TEXT NOT NULL DEFAULT '';
UPDATE repositories SET full_name = (SELECT p.name || '/' || repositories.name FROM projects AS p WHERE p.id = repositories.project_id);
CREATE INDEX repositories_full_name ON repositories (full_name);
