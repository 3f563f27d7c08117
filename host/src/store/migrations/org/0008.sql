-- Whether a person was ever made of an address.
CREATE INDEX changes_by_mark ON changes (mark, object) WHERE mark IS NOT NULL;
