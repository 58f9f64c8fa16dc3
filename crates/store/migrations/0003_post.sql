-- The post: several ways out, and what comes back. Written in PostgreSQL's words; SQLite's are derived.

-- ways out: relays and exchangers


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

