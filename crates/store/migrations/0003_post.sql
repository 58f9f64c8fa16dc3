-- The post: several ways out, and what comes back. Written in PostgreSQL's words; SQLite's are derived.

-- ways out: relays and exchangers

-- Further relays; the first one is the settings'. Their ids are small: the ledger has one in every row. A relay that was
-- removed keeps its row, without a password, so that the ledger's older rows still have a name.
CREATE TABLE relay (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  port BIGINT NOT NULL,
  tls TEXT NOT NULL,
  ca_file TEXT NOT NULL,
  login TEXT NOT NULL,
  password TEXT NOT NULL,
  ehlo TEXT NOT NULL,
  source TEXT NOT NULL,
  weight BIGINT NOT NULL,
  connections BIGINT NOT NULL,
  messages BIGINT NOT NULL,
  per_second BIGINT NOT NULL,
  per_minute BIGINT NOT NULL,
  per_hour BIGINT NOT NULL,
  per_day BIGINT NOT NULL,
  active BIGINT NOT NULL,
  removed BIGINT NOT NULL
);

-- How each way out has been doing, as the poster last wrote it down.
CREATE TABLE standing (
  route BIGINT PRIMARY KEY,
  state BIGINT NOT NULL CHECK (state BETWEEN 0 AND 1),
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,
  faults BIGINT NOT NULL,
  why TEXT NOT NULL,
  alerted BIGINT,
  answered BIGINT,
  code BIGINT NOT NULL,
  reply TEXT NOT NULL
);


-- what comes back: bounces, complaints, wishes to leave by mail
-- What a message that came back said of one copy, kept once the mark's MAC held and the address agreed. No address, no
-- machine's address: the source is a keyed hash. A copy has one row of each kind: a replay adds nothing.
CREATE TABLE returned (
  id BIGINT NOT NULL UNIQUE,
  reader BIGINT NOT NULL,
  departure BIGINT NOT NULL,
  -- 1 bounce, 2 complaint, 3 wish to leave, 4 taken over there
  kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 4),
  at BIGINT NOT NULL,
  source BYTEA NOT NULL,
  reason TEXT NOT NULL,
  hard BIGINT NOT NULL CHECK (hard IN (0, 1)),
  code BIGINT NOT NULL,
  said TEXT NOT NULL,
  -- 1 the reader is suppressed, 2 counted, 3 left, 4 held for a person, 5 dropped by a person, 6 kept as evidence
  outcome BIGINT NOT NULL CHECK (outcome BETWEEN 1 AND 6),
  PRIMARY KEY (reader, departure, kind)
) /* clustered */;
CREATE INDEX returned_source ON returned (source, at) WHERE outcome = 1;
CREATE INDEX returned_held ON returned (id) WHERE outcome = 4;

-- How long the list is, asked for every reader that a bounce would end.
CREATE INDEX departure_edition ON departure (newsletter, id, audience) WHERE kind = 1;

-- What was refused, by day and cause: forged, replayed, about somebody else.
CREATE TABLE returned_refused (
  day BIGINT NOT NULL,
  cause TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (day, cause)
) /* clustered */;

-- Editions in a row that a reader's mailbox did not take for now.
CREATE TABLE soft_streak (
  reader BIGINT PRIMARY KEY,
  editions BIGINT NOT NULL,
  since BIGINT NOT NULL,
  departure BIGINT NOT NULL
);


-- doubt and proof

-- By whom a doubt was ended, or by what policy and why. A resolution is one of resent, held, taken.
ALTER TABLE doubt ADD COLUMN resolved_by TEXT;

-- What the policy has still to decide.
CREATE INDEX doubt_open ON doubt (since) WHERE resolved_at IS NULL;

-- the desk: which editions an article leads, asked when its headline is corrected
CREATE INDEX line_up_article ON line_up (article);
