-- Events that wait to be forwarded, each by itself: sent in the order of their numbers, and deleted some seconds after that. An event is written here
-- in the transaction of its change.
CREATE TABLE outbox (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  severity BIGINT NOT NULL, -- of RFC 5424, 6.2.1
  kind TEXT COLLATE "C" NOT NULL,
  body TEXT COLLATE "C" NOT NULL -- a JSON object
);
-- Where more waits than may, refusals go first.
CREATE INDEX outbox_severity ON outbox (severity, id);
