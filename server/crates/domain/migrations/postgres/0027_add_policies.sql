-- What a project demands of its artifacts, a JSON object; empty is nothing. What the system demands of every project is a row of configuration.
ALTER TABLE projects ADD COLUMN policy TEXT NOT NULL DEFAULT '';
