-- Whether a rule also removes at its destination what was deleted here, and only what it put there itself: that is noted as it is put there.
ALTER TABLE rules ADD COLUMN removes BIGINT NOT NULL DEFAULT 0;
CREATE TABLE replicated (
  rule_id BIGINT NOT NULL,
  url TEXT NOT NULL, -- of the target, as it was then
  destination TEXT NOT NULL,
  digest TEXT NOT NULL,
  source TEXT NOT NULL,
  tags TEXT NOT NULL, -- that it set, words
  attached TEXT NOT NULL, -- digests of what went along, words
  put_at BIGINT NOT NULL,
  PRIMARY KEY (rule_id, url, destination, digest)
);
-- A task that removes, and whether what is to be removed was looked for; how many an execution left because they were more than a tenth, and how many
-- somebody who was asked let it remove.
ALTER TABLE tasks ADD COLUMN removes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN removals_planned BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN removals_left BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN removals_allowed BIGINT NOT NULL DEFAULT 0;
