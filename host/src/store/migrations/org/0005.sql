-- The change that a change takes back, whether it deletes its record, and which fields it
-- leaves as they are, with the reasons.
ALTER TABLE changes ADD COLUMN undoes INTEGER;
ALTER TABLE changes ADD COLUMN deletes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE changes ADD COLUMN left_alone TEXT NOT NULL DEFAULT '[]';

CREATE INDEX changes_by_undone ON changes (undoes) WHERE undoes IS NOT NULL;
