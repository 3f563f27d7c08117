-- Times are microseconds since 1970 in UTC, so that they sort.

-- A pull's cursor, and for both directions the fence of who holds the job.
CREATE TABLE jobs (
    object TEXT NOT NULL,
    direction TEXT NOT NULL,
    fence INTEGER NOT NULL,
    stamp INTEGER,
    record_id TEXT,
    paging INTEGER NOT NULL DEFAULT 0,
    reading TEXT,
    whole INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (object, direction)
) STRICT;

-- Every record as it was read, whatever became of it. What Salesforce deletes
-- stays as a row without values.
CREATE TABLE sources (
    source_id INTEGER PRIMARY KEY,
    object TEXT NOT NULL,
    record_id TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    mapping TEXT NOT NULL,
    hash BLOB,
    source BLOB,
    UNIQUE (object, record_id)
) STRICT;

-- What the mapping made of a source. Removed entities keep `closed`, by which
-- it is seen whether a task was closed or opened when it comes back.
CREATE TABLE entities (
    source_id INTEGER PRIMARY KEY REFERENCES sources (source_id) ON DELETE CASCADE,
    object TEXT NOT NULL,
    record_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    email TEXT,
    domain TEXT,
    account_id TEXT,
    owner_id TEXT,
    closed INTEGER,
    converted INTEGER,
    on_date TEXT,
    who_id TEXT,
    what_id TEXT,
    modified_at INTEGER NOT NULL,
    deleted_at INTEGER,
    fields BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX entities_live ON entities (object, record_id) WHERE deleted_at IS NULL;

CREATE INDEX entities_by_email ON entities (email, object, record_id)
WHERE email IS NOT NULL AND deleted_at IS NULL;

CREATE INDEX entities_by_domain ON entities (domain, object, record_id)
WHERE domain IS NOT NULL AND deleted_at IS NULL;

CREATE INDEX entities_by_account ON entities (account_id, object, on_date)
WHERE account_id IS NOT NULL AND deleted_at IS NULL;

-- At most one failure is open for each subject.
CREATE TABLE failures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    object TEXT NOT NULL,
    direction TEXT NOT NULL,
    subject TEXT NOT NULL,
    meeting_id TEXT,
    item_id TEXT,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    at TEXT,
    hint TEXT,
    mender TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    UNIQUE (object, direction, subject)
) STRICT;

CREATE INDEX failures_by_time ON failures (last_at);

CREATE INDEX failures_by_meeting ON failures (meeting_id, object) WHERE meeting_id IS NOT NULL;

CREATE TABLE meetings (
    id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    hash BLOB NOT NULL,
    meeting BLOB NOT NULL
) STRICT;

CREATE INDEX meetings_by_time ON meetings (started_at, id);

-- `told_done` is what the platform said last, `done` is what holds: it is
-- also changed by Salesforce.
CREATE TABLE items (
    meeting_id TEXT NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    done INTEGER NOT NULL,
    done_by TEXT NOT NULL,
    told_done INTEGER NOT NULL,
    dropped INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (meeting_id, item_id)
) STRICT;

-- `item_id` is empty for work on a whole meeting.
CREATE TABLE works (
    meeting_id TEXT NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    object TEXT NOT NULL,
    item_id TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    queued_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (meeting_id, object, item_id)
) STRICT;

CREATE INDEX works_by_state ON works (object, state, queued_at);

CREATE TABLE matches (
    meeting_id TEXT NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    object TEXT NOT NULL,
    record_id TEXT NOT NULL,
    email TEXT,
    reason TEXT NOT NULL,
    PRIMARY KEY (meeting_id, position)
) STRICT;

CREATE INDEX matches_by_record ON matches (object, record_id);

-- Which task stands for which action item.
CREATE TABLE links (
    meeting_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    record_id TEXT NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (meeting_id, item_id),
    FOREIGN KEY (meeting_id, item_id) REFERENCES items (meeting_id, item_id) ON DELETE CASCADE
) STRICT;

CREATE INDEX links_by_record ON links (record_id);

-- The journal. A change that creates has a mark, one that updates has none.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    object TEXT NOT NULL,
    meeting_id TEXT NOT NULL,
    item_id TEXT,
    mark TEXT,
    record_id TEXT,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    mapping TEXT NOT NULL,
    state TEXT NOT NULL,
    planned_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

-- Two open creates with one mark would make two records.
CREATE UNIQUE INDEX changes_open_marks ON changes (mark) WHERE state = 'open' AND mark IS NOT NULL;

CREATE INDEX changes_open ON changes (object, id) WHERE state = 'open';

CREATE INDEX changes_by_record ON changes (record_id, id) WHERE record_id IS NOT NULL;

CREATE INDEX changes_by_meeting ON changes (meeting_id, id);

CREATE INDEX changes_by_run ON changes (run_id, id);

CREATE TABLE users (
    email TEXT NOT NULL PRIMARY KEY,
    user_id TEXT,
    checked_at INTEGER NOT NULL
) STRICT;
