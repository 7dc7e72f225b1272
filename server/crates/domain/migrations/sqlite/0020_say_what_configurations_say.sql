-- What an image's configuration, or a chart's, says of it, a JSON object; empty where nobody looked yet.
ALTER TABLE artifacts ADD COLUMN attributes TEXT NOT NULL DEFAULT '';
CREATE INDEX artifacts_unsaid ON artifacts (id) WHERE attributes = '';
