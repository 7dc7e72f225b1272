-- What an administrator sets while the server runs.
CREATE TABLE configuration (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);
-- What a project's settings were sent that is not in effect here, a JSON object of texts.
ALTER TABLE projects ADD COLUMN kept TEXT NOT NULL DEFAULT '{}';
