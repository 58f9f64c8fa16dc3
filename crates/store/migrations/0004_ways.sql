-- The ways out, deepened: exchangers, warming up, what is watched. Written in PostgreSQL's words; SQLite's are derived.

-- exchangers: what is kept of each site, and of the policies that sites publish


-- warming up: plans, and what they allowed


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

