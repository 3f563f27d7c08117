CREATE TABLE connections (
    org TEXT NOT NULL PRIMARY KEY,
    login_url TEXT NOT NULL,
    client_id TEXT NOT NULL,
    username TEXT NOT NULL,
    user_id TEXT NOT NULL,
    api_version TEXT NOT NULL,
    connected_at INTEGER NOT NULL,
    broken TEXT
) STRICT;

-- Sealed with a key that is never in this file.
CREATE TABLE grants (
    org TEXT NOT NULL PRIMARY KEY REFERENCES connections (org) ON DELETE CASCADE,
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE schedules (
    org TEXT NOT NULL,
    object TEXT NOT NULL,
    direction TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    PRIMARY KEY (org, object, direction)
) STRICT;

-- Ids of one second don't sort by time, so the sequence orders them.
CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    org TEXT NOT NULL,
    object TEXT NOT NULL,
    direction TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    ending TEXT,
    message TEXT,
    at TEXT,
    hint TEXT,
    pulled INTEGER NOT NULL DEFAULT 0,
    mapped INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    pushed INTEGER NOT NULL DEFAULT 0,
    calls INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX runs_by_org ON runs (org, sequence);

CREATE INDEX runs_by_job ON runs (org, object, direction, sequence);

CREATE TABLE usages (
    org TEXT NOT NULL PRIMARY KEY,
    used INTEGER NOT NULL,
    allowed INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;
