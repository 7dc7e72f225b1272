-- Filters of a rule beside those of its form, one a line; kinds of accessories that may stay behind, separated by spaces.
ALTER TABLE rules ADD COLUMN further TEXT NOT NULL DEFAULT '';
ALTER TABLE rules ADD COLUMN accepts TEXT NOT NULL DEFAULT '';
