-- When a verification of an object failed, if none has ended since.
ALTER TABLE verifications ADD COLUMN failed_at INTEGER;

-- Whether a failed write is to be tried again: somebody asked for it, or there is something new.
ALTER TABLE failures ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
