ALTER TABLE missions ADD COLUMN effort TEXT;
ALTER TABLE missions ADD COLUMN approvals TEXT NOT NULL DEFAULT 'bypass';
ALTER TABLE missions ADD COLUMN mode TEXT NOT NULL DEFAULT 'act';
ALTER TABLE missions ADD COLUMN open_asks INTEGER NOT NULL DEFAULT 0;

-- For the turn that is under way, where the agent can be told something in the middle of one.
ALTER TABLE queue ADD COLUMN steer INTEGER NOT NULL DEFAULT 0;

-- When the process has to have printed something, or it hangs.
ALTER TABLE runs ADD COLUMN speaks_by INTEGER;

-- What agents asked and what is not settled with them: it is open, or decided and the agent was not told yet. What is
-- settled is in the log.
CREATE TABLE asks (
    key     INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    mission INTEGER NOT NULL REFERENCES missions (key),
    -- The agent's own id of it.
    native  TEXT    NOT NULL,
    status  TEXT    NOT NULL,
    ask     TEXT    NOT NULL
) STRICT;

CREATE INDEX asks_by_mission ON asks (mission, key);
CREATE INDEX asks_open ON asks (key) WHERE status = 'open';

-- Decisions that go on to hold, in a mission or in a workspace.
CREATE TABLE approval_rules (
    key        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    mission    TEXT,
    workspace  TEXT,
    verdict    TEXT    NOT NULL,
    tool_kind  TEXT    NOT NULL,
    pattern    TEXT    NOT NULL,
    made_by    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    CHECK ((mission IS NULL) <> (workspace IS NULL))
) STRICT;

CREATE INDEX approval_rules_by_mission ON approval_rules (mission, key) WHERE mission IS NOT NULL;
CREATE INDEX approval_rules_by_workspace ON approval_rules (workspace, key) WHERE workspace IS NOT NULL;

-- By it the last mission of a harness is found that went well.
CREATE INDEX missions_that_went_well ON missions (harness, key) WHERE last_outcome = 'completed';
