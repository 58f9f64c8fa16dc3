-- The newsroom, on the founding schema.

-- Relays
-- How many readers may go without a departure for the relay's caps: a person accepted that.
ALTER TABLE departure ADD COLUMN shortfall BIGINT NOT NULL DEFAULT 0;
-- 1 while a departure past its time waits for that choice: it does not expire.
ALTER TABLE departure ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
