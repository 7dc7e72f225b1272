-- A run over what is there already is a count, not a row for each artifact.
ALTER TABLE executions ADD COLUMN unchanged BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN planned BIGINT NOT NULL DEFAULT 0; -- all its tasks are made
UPDATE executions SET planned = 1 WHERE EXISTS (SELECT 1 FROM tasks AS t WHERE t.execution_id = executions.id) OR ended_at IS NOT NULL;
