-- What was last told of each org to those who want to hear of changes.
CREATE TABLE notices (
    org TEXT NOT NULL PRIMARY KEY,
    told TEXT NOT NULL
) STRICT;
