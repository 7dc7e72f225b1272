-- Jobs of one crowd (executions to one target) do not fill every place.
ALTER TABLE jobs ADD COLUMN crowd TEXT NOT NULL DEFAULT '';
