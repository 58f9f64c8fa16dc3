-- The post: several ways out, and what comes back. Written in PostgreSQL's words; SQLite's are derived.

-- ways out: relays and exchangers


-- what comes back: bounces, complaints, wishes to leave by mail


-- doubt and proof


-- the desk: which editions an article leads, asked when its headline is corrected
CREATE INDEX line_up_article ON line_up (article);
