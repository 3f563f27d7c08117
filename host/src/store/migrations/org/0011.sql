-- Whether a task was closed as it was last read or written by us; null, where that is not known.
ALTER TABLE links ADD COLUMN closed INTEGER;
