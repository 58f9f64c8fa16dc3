-- The ways out, deepened: exchangers, warming up, what is watched. Written in PostgreSQL's words; SQLite's are derived.

-- exchangers: what is kept of each site, and of the policies that sites publish


-- warming up: plans, and what they allowed


-- watching: what relays report by webhook, and rates

