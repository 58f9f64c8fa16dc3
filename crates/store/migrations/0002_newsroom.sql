-- The newsroom: what an outlet needs to run its morning. Each part under its own heading.

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
