-- An administrator sees who is knocking and from where, and can let them in.
ALTER TABLE failures ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE failures ADD COLUMN account TEXT COLLATE "C" NOT NULL DEFAULT ''; -- empty: there is no account of that name
ALTER TABLE failures ADD COLUMN address TEXT COLLATE "C" NOT NULL DEFAULT ''; -- empty: all addresses together
UPDATE failures SET since = last_at;
