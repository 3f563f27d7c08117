-- The mapping that was good before the last one, which goes on where that one fails after all,
-- and the digest of the one that did.
ALTER TABLE mappings ADD COLUMN previous TEXT;
ALTER TABLE mappings ADD COLUMN broke TEXT;

-- `unsettled` is the earliest stamp that records may still get company at, which is where the
-- next run begins; `columns` and `filter` are what the stored records were read with.
ALTER TABLE jobs ADD COLUMN unsettled INTEGER;
ALTER TABLE jobs ADD COLUMN columns TEXT;
ALTER TABLE jobs ADD COLUMN filter TEXT;

-- What each object, and the parents of each, were to the connected user when they were last
-- looked at.
CREATE TABLE descriptions (
    name TEXT NOT NULL PRIMARY KEY,
    description TEXT NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

-- What records became: what they were merged into, or converted to. Kept for ever, so that
-- an old id always leads somewhere.
CREATE TABLE successors (
    object TEXT NOT NULL,
    record_id TEXT NOT NULL,
    becomes TEXT NOT NULL,
    becomes_id TEXT NOT NULL,
    PRIMARY KEY (object, record_id, becomes)
) STRICT;

-- Which fields of an object lead to records of another, and which fields of those it reads.
CREATE TABLE kin (
    object TEXT NOT NULL,
    field TEXT NOT NULL,
    parent TEXT NOT NULL,
    columns TEXT NOT NULL,
    PRIMARY KEY (object, field, parent)
) STRICT;

-- Records to read again, though they bear no new stamp: those whose field holds this id.
CREATE TABLE rereads (
    object TEXT NOT NULL,
    field TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    PRIMARY KEY (object, field, parent_id)
) STRICT;

-- Up to when, by Salesforce's clock, all changes of an object were read, and when, by ours, it
-- was read whole for the first time.
ALTER TABLE jobs ADD COLUMN covered INTEGER;
ALTER TABLE jobs ADD COLUMN imported_at INTEGER;

-- What the org says that it has of an object, read for a verification that is under way.
CREATE TABLE seen (
    object TEXT NOT NULL,
    record_id TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (object, record_id)
) STRICT;

-- The last verification of each object, and the one that is under way.
CREATE TABLE verifications (
    object TEXT NOT NULL PRIMARY KEY,
    verified_at INTEGER,
    report TEXT,
    began_at INTEGER,
    reading TEXT,
    after TEXT
) STRICT;

-- Fields that came to an object, or changed, since someone looked at set-up.
CREATE TABLE drifts (
    object TEXT NOT NULL,
    field TEXT NOT NULL,
    change TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (object, field)
) STRICT;

-- What is read again of each object, whatever was read before, and how far that has come.
CREATE TABLE backfills (
    object TEXT NOT NULL PRIMARY KEY,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    stamp INTEGER,
    record_id TEXT,
    records INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Each index costs every record that is imported; an entity is found by way of its source.
DROP INDEX entities_live;
DROP INDEX entities_by_email;
DROP INDEX entities_by_account;
CREATE INDEX entities_by_object ON entities (object) WHERE deleted_at IS NULL;
CREATE INDEX entities_by_email ON entities (email)
WHERE email IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX entities_by_account ON entities (account_id)
WHERE account_id IS NOT NULL AND deleted_at IS NULL;
