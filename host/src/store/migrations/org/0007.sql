-- Which task stands for which action item; an empty item stands for the meeting itself.
CREATE TABLE links_of_meetings (
    meeting_id TEXT NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL,
    record_id TEXT NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (meeting_id, item_id)
) STRICT;

INSERT INTO links_of_meetings (meeting_id, item_id, record_id, gone)
SELECT meeting_id, item_id, record_id, gone FROM links;

DROP TABLE links;

ALTER TABLE links_of_meetings RENAME TO links;

CREATE INDEX links_by_record ON links (record_id);
