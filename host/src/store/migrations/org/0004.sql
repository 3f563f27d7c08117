-- The extract that an object is being read by: Salesforce's job, where its next part begins, and
-- when, by Salesforce's clock, it was asked for.
ALTER TABLE jobs ADD COLUMN extract_id TEXT;
ALTER TABLE jobs ADD COLUMN extract_locator TEXT;
ALTER TABLE jobs ADD COLUMN extract_since INTEGER;

-- Since when, by Salesforce's clock, records may have left the mapping's condition.
ALTER TABLE jobs ADD COLUMN left_since INTEGER;

-- Up to when, by Salesforce's clock, all was pulled when a verification began.
ALTER TABLE verifications ADD COLUMN covered INTEGER;
