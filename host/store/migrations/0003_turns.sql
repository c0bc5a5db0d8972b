-- What the session of a run is opened with, sealed: it holds what a person wrote.
ALTER TABLE runs ADD COLUMN start BLOB;

-- Instructions that agents read when they need them, each a directory of files.
CREATE TABLE skills (
    key         INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    description TEXT    NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE skill_files (
    skill      INTEGER NOT NULL REFERENCES skills (key) ON DELETE CASCADE,
    path       TEXT    NOT NULL,
    executable INTEGER NOT NULL,
    content    BLOB    NOT NULL,
    PRIMARY KEY (skill, path)
) STRICT;

-- What the driver of a run was told in each step, sealed; output only by its place in the spool.
CREATE TABLE inputs (
    run  INTEGER NOT NULL REFERENCES runs (key),
    step INTEGER NOT NULL,
    told BLOB    NOT NULL,
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;

-- Files that come with messages. Their content is in the data directory, under their ids.
CREATE TABLE attachments (
    key        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    media_type TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    -- Absent until a message of the mission names it.
    mission    INTEGER REFERENCES missions (key),
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX attachments_by_mission ON attachments (mission) WHERE mission IS NOT NULL;
CREATE INDEX attachments_unnamed ON attachments (created_at) WHERE mission IS NULL;

-- What is told of the files that come with the message.
ALTER TABLE queue ADD COLUMN attachments TEXT NOT NULL DEFAULT '[]';
