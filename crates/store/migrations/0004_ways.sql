-- The ways out, deepened: warming up, and what is watched. Written in PostgreSQL's words; SQLite's are derived.

-- warming up: plans, and what they allowed

-- How much a new way may carry on each of its first days: volumes in order, parted by spaces. Days are counted from 1970 by
-- the outlet's own clock.
CREATE TABLE warm_up (
  route BIGINT PRIMARY KEY,
  start BIGINT NOT NULL,
  volumes TEXT NOT NULL
);

-- What each way carried on a day, counted while some way is warming up.
CREATE TABLE way_day (
  day BIGINT NOT NULL,
  route BIGINT NOT NULL,
  tried BIGINT NOT NULL,
  put_off BIGINT NOT NULL,
  PRIMARY KEY (day, route)
) /* clustered */;

-- Complaints by the day, whichever way the copies took.
CREATE INDEX returned_complaint ON returned (at) WHERE kind = 2;


-- watching: what relays report by webhook, and rates

-- A relay's notice as it came in at the public door, sealed: only the readers' part can open and judge it, and it erases the row.
CREATE TABLE notice (
  id BIGINT PRIMARY KEY,
  sealed BYTEA NOT NULL,
  received BIGINT NOT NULL
);

-- Keyed sums of what signed notices carry once: one that comes again is a replay. Kept for longer than a notice is believed.
CREATE TABLE notice_token (
  token BYTEA PRIMARY KEY,
  at BIGINT NOT NULL
);
CREATE INDEX notice_token_at ON notice_token (at);
