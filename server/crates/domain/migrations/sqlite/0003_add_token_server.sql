-- Registries whose token service is on another host: the one origin that may be asked for tokens besides the target's own.

ALTER TABLE targets ADD COLUMN token_server TEXT NOT NULL DEFAULT '';
