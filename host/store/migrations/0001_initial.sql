-- A mission's row is a projection of its events plus what is not an event (title, queue length, stalled).
-- `key` is the order of creation and is never used again, so that it can be a part of event ids and cursors.
CREATE TABLE missions (
    key              INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT    NOT NULL UNIQUE,
    title            TEXT    NOT NULL,
    state            TEXT    NOT NULL,
    problem          TEXT,
    parked_reason    TEXT,
    parked_until     INTEGER,
    harness          TEXT    NOT NULL,
    workspace        TEXT    NOT NULL,
    model            TEXT,
    settings         TEXT    NOT NULL,
    one_shot         INTEGER NOT NULL,
    worktree         INTEGER NOT NULL,
    owner            TEXT    NOT NULL,
    turns            INTEGER NOT NULL,
    last_outcome     TEXT,
    queued_messages  INTEGER NOT NULL,
    usage_model      TEXT,
    usage_input      INTEGER NOT NULL,
    usage_output     INTEGER NOT NULL,
    usage_cache_read INTEGER NOT NULL,
    usage_cache_write INTEGER NOT NULL,
    usage_reasoning  INTEGER NOT NULL,
    usage_cost       INTEGER,
    last_seq         INTEGER NOT NULL,
    stalled          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    last_output_at   INTEGER,
    revision         INTEGER NOT NULL,
    native_session   TEXT,
    -- Seq of the last message of a person that was sent.
    prompt_seq       INTEGER,
    last_action      INTEGER NOT NULL
) STRICT;

CREATE INDEX missions_by_state ON missions (state, key);
CREATE INDEX missions_by_workspace ON missions (workspace, key);
CREATE INDEX missions_by_workspace_and_state ON missions (workspace, state, key);
CREATE UNIQUE INDEX missions_by_revision ON missions (revision);

-- `id` is the mission's key times 2^32 plus the event's seq: one tree holds each mission's log in one piece, and the
-- same number is the row of the search index.
CREATE TABLE events (
    id   INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    kind TEXT    NOT NULL,
    body TEXT    NOT NULL
) STRICT;

-- Holds which event has which word and nothing else. Seq 0 is the mission's title.
CREATE VIRTUAL TABLE search USING fts5 (words, content='', contentless_delete=1, detail='none', tokenize='ascii');

CREATE TABLE queue (
    key        INTEGER PRIMARY KEY,
    mission    INTEGER NOT NULL REFERENCES missions (key),
    position   INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (mission, id)
) STRICT;

CREATE INDEX queue_in_order ON queue (mission, position);

CREATE TABLE runs (
    key            INTEGER PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    mission        INTEGER NOT NULL REFERENCES missions (key),
    turn           INTEGER NOT NULL,
    pid            INTEGER,
    started_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    run_exit       TEXT,
    stdout_offset  INTEGER NOT NULL,
    stderr_offset  INTEGER NOT NULL,
    stdout_framing TEXT    NOT NULL,
    stderr_framing TEXT    NOT NULL
) STRICT;

CREATE INDEX runs_by_mission ON runs (mission, key);
CREATE UNIQUE INDEX runs_live ON runs (mission) WHERE ended_at IS NULL;
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE session_states (
    mission INTEGER PRIMARY KEY REFERENCES missions (key),
    state   BLOB NOT NULL
) STRICT;

CREATE TABLE pending_actions (
    mission INTEGER NOT NULL REFERENCES missions (key),
    id      INTEGER NOT NULL,
    action  TEXT    NOT NULL,
    PRIMARY KEY (mission, id)
) STRICT, WITHOUT ROWID;

-- Missions that were deleted and whose events are still being removed, a piece at a time.
CREATE TABLE purges (mission INTEGER PRIMARY KEY) STRICT;

CREATE TABLE counters (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('revision', 0);

CREATE TABLE workspaces (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL UNIQUE,
    backend    TEXT    NOT NULL,
    options    TEXT    NOT NULL,
    network    TEXT    NOT NULL,
    limits     TEXT    NOT NULL,
    ports      TEXT    NOT NULL,
    recipe     TEXT    NOT NULL,
    template   TEXT,
    problem    TEXT,
    -- The run that holds what its processes share.
    leader     TEXT,
    -- The user id on the machine that its processes run as.
    user       INTEGER UNIQUE,
    -- What its own root file system begins with.
    root       TEXT,
    -- What its other directories begin with.
    layers     TEXT    NOT NULL,
    phase      TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE snapshots (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    workspace  TEXT    NOT NULL,
    label      TEXT,
    -- The workspace as it was.
    origin     TEXT    NOT NULL,
    -- What the backend itself kept, in its own words.
    kept       TEXT    NOT NULL,
    -- Not all of it is kept yet.
    unfinished INTEGER NOT NULL,
    -- Nobody asked for it: it is how a fork begins.
    hidden     INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX snapshots_by_workspace ON snapshots (workspace, key);
CREATE INDEX snapshots_unfinished ON snapshots (unfinished) WHERE unfinished = 1;

CREATE TABLE builds (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    workspace  TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    problem    TEXT,
    in_place   INTEGER NOT NULL,
    steps      TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX builds_by_workspace ON builds (workspace, key);
CREATE UNIQUE INDEX builds_live ON builds (workspace) WHERE ended_at IS NULL;
CREATE INDEX builds_by_end ON builds (ended_at);

-- A template is there as long as its last version is. The row stays, so that no number is used again.
CREATE TABLE templates (
    key     INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT    NOT NULL UNIQUE,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE template_versions (
    template    INTEGER NOT NULL REFERENCES templates (key),
    version     INTEGER NOT NULL,
    description TEXT    NOT NULL,
    workspace   TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (template, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE processes (
    key          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    workspace    TEXT    NOT NULL,
    command      TEXT    NOT NULL,
    cwd          TEXT,
    tty          TEXT,
    owner        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    process_exit TEXT
) STRICT;
CREATE INDEX processes_by_workspace ON processes (workspace, key);
CREATE INDEX processes_live ON processes (workspace) WHERE ended_at IS NULL;
CREATE INDEX processes_by_end ON processes (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE users (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    role          TEXT    NOT NULL,
    password_hash TEXT,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE logins (
    token_hash   BLOB    PRIMARY KEY,
    user         TEXT    NOT NULL REFERENCES users (id),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX logins_by_user ON logins (user);
CREATE INDEX logins_by_expiry ON logins (expires_at);

-- Ways of browsers to one port of one workspace. Each ends with the login or the API token by which it was opened.
CREATE TABLE port_passes (
    hash       BLOB    PRIMARY KEY,
    workspace  TEXT    NOT NULL,
    port       INTEGER NOT NULL,
    -- The hash of that login's or token's secret; without one it was the operator of the machine.
    opened_by  BLOB,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX port_passes_by_expiry ON port_passes (expires_at);

CREATE TABLE tokens (
    key          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    user         TEXT    NOT NULL REFERENCES users (id),
    hash         BLOB    NOT NULL UNIQUE,
    name         TEXT    NOT NULL,
    scope        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;

CREATE INDEX tokens_by_user ON tokens (user, key);

CREATE TABLE audit (
    key     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    user    TEXT,
    action  TEXT    NOT NULL,
    target  TEXT,
    outcome TEXT    NOT NULL,
    detail  TEXT
) STRICT;

CREATE TABLE answers (
    user         TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL,
    status       INTEGER NOT NULL,
    body         BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (user, key)
) STRICT;

CREATE INDEX answers_by_age ON answers (created_at);

-- Master keys of the vault: their names, and of a passphrase how it becomes a key. No key is here.
CREATE TABLE vault_keys (
    id         TEXT    PRIMARY KEY,
    salt       BLOB,
    memory     INTEGER NOT NULL,
    passes     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL UNIQUE,
    version     INTEGER NOT NULL,
    audience    TEXT    NOT NULL,
    description TEXT    NOT NULL,
    -- The name of the key, and the nonce with the value under it.
    sealed_by   TEXT    NOT NULL,
    sealed      BLOB    NOT NULL,
    -- The server's own, for what it keeps of turns.
    internal    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX secrets_by_seal ON secrets (sealed_by, key);

-- Uses of a secret, of `[secrets]` or of the vault, by one user within one hour.
CREATE TABLE secret_uses (
    key      INTEGER PRIMARY KEY AUTOINCREMENT,
    secret   TEXT    NOT NULL,
    hour     INTEGER NOT NULL,
    user     TEXT    NOT NULL,
    purpose  TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    UNIQUE (secret, hour, user, purpose)
) STRICT;
CREATE INDEX secret_uses_in_order ON secret_uses (secret, key);
CREATE INDEX secret_uses_by_time ON secret_uses (secret, last_at);
CREATE INDEX secret_uses_by_hour ON secret_uses (hour);

-- Accounts at providers of models. Those with the lower positions are used first.
CREATE TABLE accounts (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE,
    provider   TEXT    NOT NULL,
    credential TEXT    NOT NULL,
    base_url   TEXT,
    models     TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    enabled    INTEGER NOT NULL,
    owner      TEXT,
    health     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX accounts_in_order ON accounts (position, key);

-- Money is in micro-dollars, days are counted from 1970-01-01 in UTC. A request counts to the day on which it began.

CREATE TABLE budgets (
    scope  TEXT    NOT NULL,
    period TEXT    NOT NULL,
    most   INTEGER NOT NULL,
    PRIMARY KEY (scope, period)
) STRICT, WITHOUT ROWID;

-- What counts to a budget in the period that begins with the day `start`: made from the tables below when a request
-- first asks for it, and kept with them from then on.
CREATE TABLE budget_totals (
    scope    TEXT    NOT NULL,
    period   TEXT    NOT NULL,
    start    INTEGER NOT NULL,
    spent    INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    PRIMARY KEY (scope, period, start)
) STRICT, WITHOUT ROWID;

-- Sums of requests that have ended, for each day and whatever spending is asked by. They stay when missions and requests
-- are deleted.
CREATE TABLE spending (
    key            INTEGER PRIMARY KEY,
    mission        TEXT    NOT NULL,
    day            INTEGER NOT NULL,
    model          TEXT    NOT NULL,
    account        TEXT    NOT NULL,
    user           TEXT    NOT NULL,
    harness        TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    workspace      TEXT    NOT NULL,
    -- The mission's key, also after its end.
    mission_key    INTEGER NOT NULL,
    requests       INTEGER NOT NULL,
    failed         INTEGER NOT NULL,
    estimated      INTEGER NOT NULL,
    unpriced       INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write    INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    cost           INTEGER NOT NULL,
    UNIQUE (mission, day, model, account, user, harness, provider, workspace)
) STRICT;
CREATE INDEX spending_by_model ON spending (model, mission);
CREATE INDEX spending_by_account ON spending (account, mission);
CREATE INDEX spending_by_user ON spending (user, mission);

-- The same sums of all missions together.
CREATE TABLE spending_of_all (
    day            INTEGER NOT NULL,
    model          TEXT    NOT NULL,
    account        TEXT    NOT NULL,
    user           TEXT    NOT NULL,
    harness        TEXT    NOT NULL,
    requests       INTEGER NOT NULL,
    failed         INTEGER NOT NULL,
    estimated      INTEGER NOT NULL,
    unpriced       INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write    INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    cost           INTEGER NOT NULL,
    PRIMARY KEY (day, model, account, user, harness)
) STRICT, WITHOUT ROWID;

-- The same sums by one thing alone: `server` (with an empty name), `model`, `account`, `user` or `harness`.
CREATE TABLE spending_days (
    dimension      TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    day            INTEGER NOT NULL,
    requests       INTEGER NOT NULL,
    failed         INTEGER NOT NULL,
    estimated      INTEGER NOT NULL,
    unpriced       INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write    INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    cost           INTEGER NOT NULL,
    PRIMARY KEY (dimension, name, day)
) STRICT, WITHOUT ROWID;

-- Requests to models. What many of them have in common is in the row of `spending` to which each counts.
CREATE TABLE model_requests (
    key                 INTEGER PRIMARY KEY AUTOINCREMENT,
    id                  TEXT    NOT NULL,
    spending            INTEGER NOT NULL REFERENCES spending (key),
    -- The mission's key, also after its end.
    mission             INTEGER NOT NULL,
    turn                INTEGER NOT NULL,
    format              TEXT    NOT NULL,
    started_at          INTEGER NOT NULL,
    -- What is set aside for it. Null where its price is not known.
    reserved            INTEGER,
    -- Null while it is under way.
    request_end         TEXT,
    status              INTEGER,
    first_byte_ms       INTEGER,
    took_ms             INTEGER,
    answered_model      TEXT,
    upstream_request_id TEXT,
    input               INTEGER,
    cache_read          INTEGER,
    cache_write         INTEGER,
    cache_write_1h      INTEGER,
    output              INTEGER,
    reasoning           INTEGER,
    cost                INTEGER,
    price_from          INTEGER,
    estimated           INTEGER NOT NULL,
    has_failed          INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX model_requests_open ON model_requests (id) WHERE request_end IS NULL;
CREATE INDEX model_requests_by_mission ON model_requests (mission, key);
CREATE INDEX model_requests_by_turn ON model_requests (mission, turn, key);

CREATE TABLE plugin_values (
    plugin TEXT NOT NULL,
    key    BLOB NOT NULL,
    value  BLOB NOT NULL,
    PRIMARY KEY (plugin, key)
) STRICT;

-- Bytes of keys and values of each plugin, kept by the three triggers below.
CREATE TABLE plugin_totals (
    plugin TEXT    PRIMARY KEY,
    bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER plugin_value_added AFTER INSERT ON plugin_values BEGIN
    INSERT INTO plugin_totals (plugin, bytes) VALUES (new.plugin, length(new.key) + length(new.value))
        ON CONFLICT (plugin) DO UPDATE SET bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER plugin_value_changed AFTER UPDATE OF value ON plugin_values BEGIN
    UPDATE plugin_totals SET bytes = bytes + length(new.value) - length(old.value) WHERE plugin = new.plugin;
END;

CREATE TRIGGER plugin_value_removed AFTER DELETE ON plugin_values BEGIN
    UPDATE plugin_totals SET bytes = bytes - length(old.key) - length(old.value) WHERE plugin = old.plugin;
END;
