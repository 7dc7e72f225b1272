-- Jobs of one lane run one after the other: the executions of a rule.
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT '';
-- How a rule sends: KB a second (not above 0: as fast as it goes), and whether blobs go in chunks.
ALTER TABLE rules ADD COLUMN speed BIGINT NOT NULL DEFAULT -1;
ALTER TABLE rules ADD COLUMN chunked BIGINT NOT NULL DEFAULT 0;
-- What Harbor's clients ask for and read back; here the executions of a rule never overlap.
ALTER TABLE rules ADD COLUMN single_active BIGINT NOT NULL DEFAULT 0;
-- Which artifacts it takes by what they are: artifact (or nothing) for all, image, chart.
ALTER TABLE rules ADD COLUMN resource TEXT NOT NULL DEFAULT '';
-- An index that was pushed by its digest and became a list of referrers by a later tag: replacing that list must not take it.
ALTER TABLE artifacts ADD COLUMN adopted BIGINT NOT NULL DEFAULT 0;
-- Without a namespace nothing was dropped so far: rules go on as they did.
UPDATE rules SET flatten = 0 WHERE namespace = '';
