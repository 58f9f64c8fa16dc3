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
