-- What an org is called, as it was told when it was connected.
ALTER TABLE connections ADD COLUMN name TEXT;

ALTER TABLE connections ADD COLUMN is_sandbox INTEGER NOT NULL DEFAULT 0;
