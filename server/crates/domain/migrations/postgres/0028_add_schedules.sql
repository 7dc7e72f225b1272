-- Every clock of the server. A time that is not known yet is found at the next look.
CREATE TABLE schedules (
  kind TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  cron TEXT COLLATE "C" NOT NULL, -- empty: never
  set_at BIGINT NOT NULL,
  last_at BIGINT,
  next_at BIGINT,
  PRIMARY KEY (kind, key)
);
INSERT INTO schedules (kind, key, cron, set_at)
  SELECT 'gc', '', m.value, CAST(COALESCE((SELECT s.value FROM meta AS s WHERE s.key = 'gc.schedule.set_at'), '0') AS BIGINT) FROM meta AS m WHERE m.key = 'gc.schedule';
DELETE FROM meta WHERE key IN ('gc.schedule', 'gc.schedule.set_at');
