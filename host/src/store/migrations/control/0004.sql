-- Who is let in at a browser, and what they did. Of whatever opens a door, only a hash is here.
CREATE TABLE login_links (
    hash BLOB NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    hash BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE passwords (
    role TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL
) STRICT;

-- What opens the API of one org for the platform.
CREATE TABLE api_tokens (
    name TEXT NOT NULL,
    org TEXT NOT NULL REFERENCES connections (org) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org, name)
) STRICT;

CREATE TABLE audits (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    org TEXT,
    did TEXT NOT NULL
) STRICT;

-- A set-up that a person has begun at the browser.
CREATE TABLE drafts (
    org TEXT NOT NULL PRIMARY KEY REFERENCES connections (org) ON DELETE CASCADE,
    draft TEXT NOT NULL
) STRICT;

-- Where pages are served now.
CREATE TABLE addresses (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    address TEXT NOT NULL
) STRICT;
