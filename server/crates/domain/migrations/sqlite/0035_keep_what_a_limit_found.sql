-- What a project held, and what its deletions kept, as its limit was set: lowering a limit removes nothing, and leaves room to sign what is there.
ALTER TABLE projects ADD COLUMN limit_used BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN limit_kept BIGINT NOT NULL DEFAULT 0;
