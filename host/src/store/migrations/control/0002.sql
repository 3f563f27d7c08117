-- Our own calls of an org, counted by stretches of time.
CREATE TABLE calls (
    org TEXT NOT NULL,
    at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (org, at)
) STRICT;

-- What a person has paused.
CREATE TABLE pauses (
    org TEXT NOT NULL,
    object TEXT NOT NULL,
    paused_at INTEGER NOT NULL,
    PRIMARY KEY (org, object)
) STRICT;
