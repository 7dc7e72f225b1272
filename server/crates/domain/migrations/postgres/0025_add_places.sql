-- Where accounts signed in from, so that guesses from elsewhere keep no owner out, also after a restart. The key hides whose it is.
CREATE TABLE places (
  key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  last_at BIGINT NOT NULL
);
CREATE INDEX places_last ON places (last_at);
