-- When a verification of an object failed, if none has ended since.
ALTER TABLE verifications ADD COLUMN failed_at INTEGER;
