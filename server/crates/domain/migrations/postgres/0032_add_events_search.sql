-- What a search of the audit log looks through: all that is shown of an event, folded. Older rows are found by what is stored of them.
ALTER TABLE events ADD COLUMN search TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE events SET search = LOWER(payload || ' ' || actor || ' ' || address || ' ' || request_id || ' ' || kind);
-- Runs are listed by their project, also when its policy is gone.
CREATE INDEX retention_runs_project ON retention_runs (project_id, id);
