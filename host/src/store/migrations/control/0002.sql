-- Our own calls of an org, counted by stretches of time.
CREATE TABLE calls (
    org TEXT NOT NULL,
    at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (org, at)
) STRICT;
