-- The time zone of a user: who is known without it is looked up again.
DELETE FROM users;
ALTER TABLE users ADD COLUMN time_zone TEXT;

-- In which opportunities a contact has a role, as far as Salesforce was asked.
CREATE TABLE roles (
    contact_id TEXT NOT NULL,
    opportunity_id TEXT NOT NULL,
    PRIMARY KEY (contact_id, opportunity_id)
) STRICT;

-- Of which contacts that was asked, and when.
CREATE TABLE roles_asked (
    contact_id TEXT PRIMARY KEY,
    asked_at INTEGER NOT NULL
) STRICT;

-- The rules by which meetings were matched last.
CREATE TABLE matched_by (
    rules TEXT NOT NULL
) STRICT;
