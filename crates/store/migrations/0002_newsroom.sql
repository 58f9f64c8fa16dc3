-- What the newsroom's rooms need beyond the founding.

-- lineup: policies and forms, the next edition's line-up and envelope, house blocks, corrections, test copies

-- The terms that a source's articles are republished under, where its pages name none.
ALTER TABLE source ADD COLUMN licence TEXT;
-- 1 a whole page here, 2 a card that leads to its canonical address
ALTER TABLE article ADD COLUMN form BIGINT NOT NULL DEFAULT 1 CHECK (form IN (1, 2));

-- The line-up of a newsletter's next edition; the version rises with every change by a person.
CREATE TABLE next_line_up (
  newsletter BIGINT PRIMARY KEY,
  version BIGINT NOT NULL,
  ordered_by TEXT NOT NULL
);
CREATE TABLE next_entry (
  newsletter BIGINT NOT NULL,
  position BIGINT NOT NULL,
  article BIGINT NOT NULL,
  -- empty: it lined up by itself
  lined_up_by TEXT NOT NULL,
  pinned BIGINT NOT NULL CHECK (pinned IN (0, 1)),
  -- counts instead of the article's own rank, for one that earlier editions passed over
  rank BIGINT,
  -- the local date of the edition that took it; empty: none has
  taken TEXT NOT NULL,
  PRIMARY KEY (newsletter, position)
) /* clustered */;
CREATE TABLE next_envelope (
  newsletter BIGINT PRIMARY KEY,
  version BIGINT NOT NULL,
  subject TEXT NOT NULL,
  preview TEXT NOT NULL,
  note TEXT NOT NULL,
  signed TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  taken TEXT NOT NULL
);
-- What a departure took of the envelope, and the lead that a person chose, if one did.
CREATE TABLE departure_envelope (
  departure BIGINT PRIMARY KEY,
  subject TEXT NOT NULL,
  preview TEXT NOT NULL,
  note TEXT NOT NULL,
  signed TEXT NOT NULL,
  lead BIGINT
);

CREATE TABLE house_block (
  id BIGINT PRIMARY KEY,
  -- 1 appeal, 2 event, 3 sponsor
  kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3)),
  -- 1 mail, 2 site, 3 both
  place BIGINT NOT NULL CHECK (place IN (1, 2, 3)),
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  link TEXT NOT NULL,
  link_words TEXT NOT NULL,
  starts BIGINT NOT NULL,
  ends BIGINT NOT NULL
);

-- Cohorts that took another's place for copies that had not left yet. Such a cohort names no departure of its own: the
-- key of the one it replaces is still taken.
CREATE TABLE correction (
  cohort BIGINT PRIMARY KEY,
  departure BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  copies BIGINT NOT NULL,
  at BIGINT NOT NULL,
  by_whom TEXT NOT NULL
);
-- Which copies carried an article: asked when a headline was wrong, and when an old story is lined up.
CREATE INDEX cohort_story_article ON cohort_story (article, cohort);

-- Test copies, sent to an address that a member typed. The address is kept redacted.
CREATE TABLE test_copy (
  id BIGINT PRIMARY KEY,
  newsletter BIGINT NOT NULL,
  at BIGINT NOT NULL,
  asked_by TEXT NOT NULL,
  redacted TEXT NOT NULL,
  subject TEXT NOT NULL,
  code BIGINT NOT NULL,
  reply TEXT NOT NULL
);
CREATE INDEX test_copy_at ON test_copy (newsletter, at);
