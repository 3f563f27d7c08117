-- The mapping of each object that was found good last, and what is wrong with the one
-- that was brought since.
CREATE TABLE mappings (
    object          TEXT PRIMARY KEY,
    -- The customer's file, by its name; empty for the default.
    name            TEXT NOT NULL DEFAULT '',
    source          BLOB NOT NULL DEFAULT x'',
    signature       TEXT NOT NULL DEFAULT '',
    settings        TEXT NOT NULL DEFAULT '[]',
    digest          TEXT NOT NULL DEFAULT '',
    refused_message TEXT,
    refused_at      TEXT,
    refused_hint    TEXT,
    last_goes_on    INTEGER NOT NULL DEFAULT FALSE
) STRICT;

-- What mappings were asked for pushes, and what they gave: for replays.
CREATE TABLE requests (
    object     TEXT NOT NULL,
    meeting_id TEXT NOT NULL,
    item_id    TEXT NOT NULL,
    record_id  TEXT NOT NULL,
    request    TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    asked_at   INTEGER NOT NULL,
    PRIMARY KEY (object, meeting_id, item_id, record_id)
) STRICT;
CREATE INDEX requests_by_time ON requests (object, asked_at);
