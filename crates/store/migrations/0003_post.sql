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


-- doubt and proof

