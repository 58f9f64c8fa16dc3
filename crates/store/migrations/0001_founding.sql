-- The founding schema, in PostgreSQL's words; SQLite's are derived (see engine/session.rs).
-- Times are UTC milliseconds. Ids are 63 bits and never serial. `clustered` tables lie in key order.

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- Numbers that must never repeat and never skip backwards: the rank of publishing.
CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);

CREATE TABLE topic (
  id BIGINT PRIMARY KEY,
  bit BIGINT NOT NULL UNIQUE CHECK (bit BETWEEN 0 AND 61),
  slug TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL
);

CREATE TABLE source (
  id BIGINT PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  kind BIGINT NOT NULL CHECK (kind IN (1, 2)),
  -- 1 ours, 2 partner, 3 watch
  policy BIGINT NOT NULL CHECK (policy IN (1, 2, 3)),
  title TEXT NOT NULL,
  topics BIGINT NOT NULL,
  etag TEXT,
  last_modified TEXT,
  body_hash BYTEA,
  due BIGINT NOT NULL,
  interval_ms BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  last_good BIGINT,
  last_error TEXT,
  moved_to TEXT,
  moved_seen BIGINT NOT NULL,
  stopped BIGINT NOT NULL CHECK (stopped IN (0, 1))
);
CREATE INDEX source_due ON source (due) WHERE stopped = 0;

CREATE TABLE item (
  id BIGINT PRIMARY KEY,
  source BIGINT NOT NULL,
  guid TEXT NOT NULL,
  url TEXT,
  title TEXT NOT NULL,
  author TEXT,
  language TEXT,
  published BIGINT,
  published_raw TEXT,
  summary_html TEXT,
  content_html TEXT,
  image_url TEXT,
  categories TEXT NOT NULL,
  first_seen BIGINT NOT NULL,
  -- 0 new, 1 taken, 2 dismissed, 3 taken and changed at its source since
  state BIGINT NOT NULL CHECK (state IN (0, 1, 2, 3)),
  article BIGINT,
  UNIQUE (source, guid)
);
CREATE INDEX item_new ON item (state, first_seen, id) WHERE state IN (0, 3);

-- What gather fetched for an item beyond its feed: its page as text, its lead picture. The desk makes an article of it
-- and lets the page go.
CREATE TABLE material (
  item BIGINT PRIMARY KEY,
  url TEXT,
  html TEXT,
  picture BIGINT,
  made BIGINT NOT NULL
);

CREATE TABLE picture (
  id BIGINT PRIMARY KEY,
  hash BYTEA NOT NULL UNIQUE,
  file TEXT NOT NULL UNIQUE,
  width BIGINT NOT NULL,
  height BIGINT NOT NULL,
  bytes BYTEA NOT NULL
);

CREATE TABLE article (
  id BIGINT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  -- 0 draft, 1 published, 2 withdrawn
  state BIGINT NOT NULL CHECK (state IN (0, 1, 2)),
  item BIGINT,
  published_at BIGINT,
  rank BIGINT UNIQUE,
  source_date BIGINT,
  revision BIGINT NOT NULL
);

CREATE TABLE revision (
  article BIGINT NOT NULL,
  number BIGINT NOT NULL,
  title TEXT NOT NULL,
  standfirst TEXT NOT NULL,
  language TEXT NOT NULL,
  byline TEXT,
  outlet TEXT,
  canonical TEXT,
  licence TEXT,
  picture BIGINT,
  alt TEXT,
  caption TEXT,
  picture_credit TEXT,
  topics BIGINT NOT NULL,
  body TEXT NOT NULL,
  made BIGINT NOT NULL,
  PRIMARY KEY (article, number)
);

CREATE TABLE newsletter (
  id BIGINT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL
);

CREATE TABLE edition (
  id BIGINT PRIMARY KEY,
  newsletter BIGINT NOT NULL,
  -- 1 daily, 2 weekly, 3 breaking
  kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3)),
  date TEXT NOT NULL,
  subject TEXT NOT NULL,
  made BIGINT NOT NULL,
  UNIQUE (newsletter, kind, date)
);

CREATE TABLE departure (
  id BIGINT PRIMARY KEY,
  -- 1 edition, 2 letter
  kind BIGINT NOT NULL CHECK (kind IN (1, 2)),
  edition BIGINT,
  newsletter BIGINT NOT NULL,
  instant BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  audience BIGINT NOT NULL,
  rank BIGINT NOT NULL,
  -- 0 cut, 1 open, 2 paused, 3 settled, 4 cancelled
  state BIGINT NOT NULL CHECK (state IN (0, 1, 2, 3, 4)),
  -- 1 once every accepted and doubtful copy has advanced its reader's seen_rank
  folded BIGINT NOT NULL CHECK (folded IN (0, 1)),
  UNIQUE (edition, instant),
  CHECK ((kind = 1) = (edition IS NOT NULL))
);
CREATE INDEX departure_live ON departure (kind, id) WHERE state IN (0, 1, 2);
CREATE INDEX departure_unfolded ON departure (newsletter, id) WHERE kind = 1 AND folded = 0;

CREATE TABLE line_up (
  departure BIGINT NOT NULL,
  position BIGINT NOT NULL,
  article BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  rank BIGINT NOT NULL,
  topics BIGINT NOT NULL,
  PRIMARY KEY (departure, position)
) /* clustered */;

CREATE TABLE cohort (
  id BIGINT PRIMARY KEY,
  -- none for letters, which share a cohort across departures by their fingerprint
  departure BIGINT,
  fingerprint BYTEA UNIQUE,
  seen_rank BIGINT NOT NULL,
  topics BIGINT NOT NULL,
  language TEXT NOT NULL,
  -- 1 HTML and text, 2 text
  format BIGINT NOT NULL CHECK (format IN (1, 2)),
  stories BIGINT NOT NULL,
  subject TEXT NOT NULL,
  body BYTEA NOT NULL,
  UNIQUE (departure, seen_rank, topics, language, format)
);

-- Which revisions a cohort's readers were sent.
CREATE TABLE cohort_story (
  cohort BIGINT NOT NULL,
  position BIGINT NOT NULL,
  article BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY (cohort, position)
) /* clustered */;

CREATE TABLE reader (
  id BIGINT PRIMARY KEY,
  kid BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  address_index BYTEA NOT NULL UNIQUE,
  lane BIGINT NOT NULL,
  -- IANA zone and local hour the reader chose; none: the outlet's
  zone TEXT,
  hour BIGINT,
  language TEXT NOT NULL,
  format BIGINT NOT NULL CHECK (format IN (1, 2)),
  week BIGINT NOT NULL
);

CREATE TABLE subscription (
  reader BIGINT NOT NULL,
  newsletter BIGINT NOT NULL,
  -- 1 pending, 2 active, 3 unsubscribed, 4 suppressed
  state BIGINT NOT NULL CHECK (state IN (1, 2, 3, 4)),
  topics BIGINT NOT NULL,
  -- 1 daily, 2 weekly, 3 breaking only
  frequency BIGINT NOT NULL CHECK (frequency IN (1, 2, 3)),
  last_date TEXT NOT NULL,
  seen_rank BIGINT NOT NULL,
  opt_ins BIGINT NOT NULL,
  opt_in_at BIGINT NOT NULL,
  PRIMARY KEY (reader, newsletter)
) /* clustered */;

CREATE TABLE consent (
  id BIGINT PRIMARY KEY,
  reader BIGINT NOT NULL,
  newsletter BIGINT NOT NULL,
  -- 1 asked, 2 confirmed, 3 unsubscribed, 4 undone
  kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3, 4)),
  at BIGINT NOT NULL,
  door TEXT NOT NULL,
  wording TEXT NOT NULL
);
CREATE INDEX consent_reader ON consent (reader, id);

CREATE TABLE suppression (
  address_index BYTEA PRIMARY KEY,
  at BIGINT NOT NULL,
  why TEXT NOT NULL
);

-- What came in at the door, sealed: only the readers' part can open it, and it erases the row.
CREATE TABLE signup (
  id BIGINT PRIMARY KEY,
  sealed BYTEA NOT NULL,
  received BIGINT NOT NULL
);

-- The ledger. Dense positions in each lane; claims and settlements go by contiguous ranges in key order.
CREATE TABLE delivery (
  departure BIGINT NOT NULL,
  lane BIGINT NOT NULL,
  position BIGINT NOT NULL,
  reader BIGINT NOT NULL,
  cohort BIGINT NOT NULL,
  state BIGINT NOT NULL CHECK (state BETWEEN 0 AND 8),
  why BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  route BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  PRIMARY KEY (departure, lane, position)
) /* clustered */;

-- What was answered to each try, addresses scrubbed.
CREATE TABLE attempt (
  departure BIGINT NOT NULL,
  lane BIGINT NOT NULL,
  position BIGINT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  route BIGINT NOT NULL,
  state BIGINT NOT NULL,
  code BIGINT NOT NULL,
  reply TEXT NOT NULL,
  PRIMARY KEY (departure, lane, position, number)
) /* clustered */;

-- Copies that wait for their next try.
CREATE TABLE deferral (
  departure BIGINT NOT NULL,
  lane BIGINT NOT NULL,
  position BIGINT NOT NULL,
  due BIGINT NOT NULL,
  PRIMARY KEY (departure, lane, position)
) /* clustered */;
CREATE INDEX deferral_due ON deferral (due, departure, lane, position);

-- Every reader that was ever uncertain in a departure, and how it was resolved. Never erased.
CREATE TABLE doubt (
  departure BIGINT NOT NULL,
  lane BIGINT NOT NULL,
  position BIGINT NOT NULL,
  since BIGINT NOT NULL,
  reader BIGINT NOT NULL,
  cause TEXT NOT NULL,
  resolved_at BIGINT,
  resolution TEXT,
  PRIMARY KEY (departure, lane, position, since)
) /* clustered */;

CREATE INDEX doubt_reader ON doubt (reader);

-- Who may post. The epoch rises each time a lease is taken; a mark of an older epoch is refused.
CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  epoch BIGINT NOT NULL,
  holder TEXT NOT NULL,
  until BIGINT NOT NULL
);
