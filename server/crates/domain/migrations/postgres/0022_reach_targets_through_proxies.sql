-- The way to a target: empty for the server's own, the word direct, or an HTTP proxy's URL.
ALTER TABLE targets ADD COLUMN proxy TEXT COLLATE "C" NOT NULL DEFAULT '';
