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
  asked BIGINT NOT NULL DEFAULT 0, -- the execution that left it to somebody's answer
  may_go BIGINT NOT NULL DEFAULT 0, -- somebody said so, or it was within the tenth
  PRIMARY KEY (rule_id, url, destination, digest)
) WITHOUT ROWID;
-- What each tag named when the rule set it last: a tag that names something else by now is somebody else's.
CREATE TABLE replicated_tags (
  rule_id BIGINT NOT NULL,
  url TEXT NOT NULL,
  destination TEXT NOT NULL,
  tag TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (rule_id, url, destination, tag)
) WITHOUT ROWID;
-- A task that removes, whether what is to be removed was looked for, and how many an execution left.
ALTER TABLE tasks ADD COLUMN removes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN removals_planned BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN removals_left BIGINT NOT NULL DEFAULT 0;
