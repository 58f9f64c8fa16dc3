-- The newsroom: what an outlet needs to run its morning, beyond the founding. Each part under its own heading.

-- members
-- Who works at the desk. A member's address is the outlet's own business, not a reader's: it stands in the clear.
CREATE TABLE member (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  -- the name as people compare it
  name_key TEXT NOT NULL UNIQUE,
  address TEXT NOT NULL UNIQUE,
  -- 1 editor, 2 admin
  role BIGINT NOT NULL CHECK (role IN (1, 2)),
  active BIGINT NOT NULL CHECK (active IN (0, 1)),
  -- argon2id, in the PHC's string form; none until the member has set one
  password TEXT,
  made BIGINT NOT NULL
);

-- One-time links, kept by their hash alone.
CREATE TABLE invitation (
  hash BYTEA PRIMARY KEY,
  -- 1 found: whoever opens it becomes the first member; 2 join: its member sets a password; 3 enter: signs its member in
  kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3)),
  member BIGINT,
  expires BIGINT NOT NULL,
  CHECK ((kind = 1) = (member IS NULL))
);
CREATE INDEX invitation_member ON invitation (member);

-- Who is signed in, kept by the hash of what their browser holds.
CREATE TABLE session (
  hash BYTEA PRIMARY KEY,
  member BIGINT NOT NULL,
  made BIGINT NOT NULL,
  seen BIGINT NOT NULL
);
CREATE INDEX session_member ON session (member);

-- Browsers that a member has signed in from before: they have a budget of their own, so that nobody who guesses at a
-- member's password can lock that member out.
CREATE TABLE device (
  hash BYTEA PRIMARY KEY,
  member BIGINT NOT NULL,
  made BIGINT NOT NULL
);
CREATE INDEX device_member ON device (member, made);

-- Who did what, and when. Only ever added to.
CREATE TABLE audit (
  id BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  -- none: somebody who was not signed in
  member BIGINT,
  act TEXT NOT NULL,
  subject TEXT NOT NULL
);

-- the desk: what members add to articles, and the outlet's own pages
-- Who made a revision, and what readers are told of it; empty: nothing.
CREATE TABLE revision_note (
  article BIGINT NOT NULL,
  number BIGINT NOT NULL,
  member BIGINT,
  note TEXT NOT NULL,
  PRIMARY KEY (article, number)
) /* clustered */;

-- When and why an article was taken back.
CREATE TABLE withdrawal (
  article BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  note TEXT NOT NULL
);

CREATE TABLE free_page (
  id BIGINT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  public BIGINT NOT NULL CHECK (public IN (0, 1)),
  -- its place in the menu; none: it does not stand there
  menu BIGINT,
  version BIGINT NOT NULL,
  changed BIGINT NOT NULL
);
CREATE INDEX article_state ON article (state, id);
CREATE INDEX item_state ON item (state, first_seen, id);

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

-- Relays
-- How many readers may go without a departure for the relay's caps: a person accepted that.
ALTER TABLE departure ADD COLUMN shortfall BIGINT NOT NULL DEFAULT 0;
-- 1 while a departure past its time waits for that choice: it does not expire.
ALTER TABLE departure ADD COLUMN held BIGINT NOT NULL DEFAULT 0;

-- The list in and out: a consent may also have been given elsewhere and come in with a list (5, imported). A check
-- cannot be widened where it stands, so the table moves.
CREATE TABLE consent_wider (
  id BIGINT PRIMARY KEY,
  reader BIGINT NOT NULL,
  newsletter BIGINT NOT NULL,
  -- 1 asked, 2 confirmed, 3 unsubscribed, 4 undone, 5 imported
  kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3, 4, 5)),
  at BIGINT NOT NULL,
  door TEXT NOT NULL,
  wording TEXT NOT NULL
);
INSERT INTO consent_wider (id, reader, newsletter, kind, at, door, wording)
  SELECT id, reader, newsletter, kind, at, door, wording FROM consent;
DROP TABLE consent;
ALTER TABLE consent_wider RENAME TO consent;
CREATE INDEX consent_reader ON consent (reader, id);

-- The clock: who gets an edition, and when.

-- A choice of when that at least one reader made: the turns of its readers come together. Three stand in no row: 1 is
-- daily and 2 weekly at the outlet's own hour and zone, 3 is breaking editions only, which have no hour.
CREATE TABLE slot (
  id BIGINT PRIMARY KEY,
  newsletter BIGINT NOT NULL,
  -- 1 daily, 2 weekly
  frequency BIGINT NOT NULL CHECK (frequency IN (1, 2)),
  -- IANA zone; empty: the outlet's
  zone TEXT NOT NULL,
  -- -1: the outlet's
  hour BIGINT NOT NULL CHECK (hour BETWEEN -1 AND 23),
  -- turns up to this moment are not its own
  since BIGINT NOT NULL,
  UNIQUE (newsletter, frequency, zone, hour)
);

-- What became of a slot's turn on one local date: it comes once, whoever looks at the clock.
CREATE TABLE turn (
  newsletter BIGINT NOT NULL,
  date TEXT NOT NULL,
  slot BIGINT NOT NULL,
  kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3)),
  instant BIGINT NOT NULL,
  -- 1 departed, 2 nothing new, 3 nobody due, 4 held for being late, 5 waits for a person, 6 dropped
  state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 6),
  departure BIGINT,
  decided BIGINT NOT NULL,
  PRIMARY KEY (newsletter, date, slot)
) /* clustered */;
CREATE INDEX turn_asking ON turn (newsletter, kind, date) WHERE state IN (4, 5);

-- When Coranto began to look at the clock for a newsletter, and when it last did.
CREATE TABLE clock (
  newsletter BIGINT PRIMARY KEY,
  since BIGINT NOT NULL,
  seen BIGINT NOT NULL
);

-- A person's word on an edition that waits for it: asked for by mail, given.
CREATE TABLE go_ahead (
  newsletter BIGINT NOT NULL,
  kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3)),
  date TEXT NOT NULL,
  asked BIGINT,
  given BIGINT,
  PRIMARY KEY (newsletter, kind, date)
) /* clustered */;

-- Who has just confirmed, and waits for today's edition.
CREATE TABLE newcomer (
  newsletter BIGINT NOT NULL,
  reader BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (newsletter, reader)
) /* clustered */;

ALTER TABLE subscription ADD COLUMN slot BIGINT NOT NULL DEFAULT 1;
-- the first local date on which mail comes again; empty: not paused
ALTER TABLE subscription ADD COLUMN paused_until TEXT NOT NULL DEFAULT '';
-- when the last letter with a link to these choices was queued
ALTER TABLE subscription ADD COLUMN link_at BIGINT NOT NULL DEFAULT 0;
UPDATE subscription SET slot = frequency WHERE frequency <> 1;
CREATE INDEX subscription_slot ON subscription (newsletter, slot) WHERE state = 2;
