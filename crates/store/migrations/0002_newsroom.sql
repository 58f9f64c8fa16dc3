-- The newsroom: what an outlet needs to run its morning. Each part under its own heading.

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
