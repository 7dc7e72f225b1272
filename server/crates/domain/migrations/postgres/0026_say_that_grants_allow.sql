-- Harbor's clients may say of a grant that it allows, which every grant does: what was said is read back.
ALTER TABLE robot_grants ADD COLUMN effect TEXT NOT NULL DEFAULT '';
