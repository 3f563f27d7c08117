-- Questions that wait for a person, with the records that fit.
CREATE TABLE reviews (
    meeting_id TEXT NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    candidates TEXT NOT NULL,
    PRIMARY KEY (meeting_id, question)
) STRICT;

CREATE INDEX reviews_by_question ON reviews (question);

-- What persons chose; no record stands for none. `meeting_id` is empty for who has an address,
-- which holds for every meeting.
CREATE TABLE choices (
    meeting_id TEXT NOT NULL,
    question TEXT NOT NULL,
    object TEXT,
    record_id TEXT,
    chosen_at INTEGER NOT NULL,
    PRIMARY KEY (meeting_id, question)
) STRICT;
