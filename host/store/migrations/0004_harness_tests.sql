-- The mission that last tried a harness out.
CREATE TABLE harness_tests (
    harness TEXT    NOT NULL PRIMARY KEY,
    mission INTEGER NOT NULL UNIQUE REFERENCES missions (key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
