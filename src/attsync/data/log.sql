-- The tables of attsync's log. They are an interface: auditors can query them, and a change raises user_version.
-- All times are UTC. A problem is JSON: {"code": "MARK-UNKNOWN", "case": "", "parameters": {"marks": 3, ...}}.
-- For its meaning: attsync explain CODE

CREATE TABLE run (
    id              INTEGER PRIMARY KEY,
    started_at      TEXT NOT NULL,
    ended_at        TEXT,                      -- NULL: still running, or killed
    first_day       TEXT NOT NULL,             -- the window
    last_day        TEXT NOT NULL,
    receiver        TEXT NOT NULL,             -- origin of the API
    version         TEXT NOT NULL,             -- of attsync
    exit_code       INTEGER,
    clock_confirmed INTEGER NOT NULL DEFAULT 0,   -- 1: the receiver's clock showed the same time
    problems        TEXT NOT NULL DEFAULT '[]'    -- to check, but not about a school in the settings; JSON list
);
CREATE TABLE school_run (                      -- what one run did for one school
    run_id   INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    urn      INTEGER NOT NULL,
    name     TEXT NOT NULL,
    outcome  TEXT NOT NULL CHECK (outcome IN ('read', 'skipped', 'failed')),
    problem  TEXT,                             -- why the school was not read, or what is wrong with all its days
    to_check TEXT NOT NULL DEFAULT '[]',       -- JSON list of problems
    PRIMARY KEY (run_id, urn)
) WITHOUT ROWID;
CREATE INDEX school_run_by_urn ON school_run (urn, run_id);
CREATE TABLE body (                            -- each distinct message once
    id      INTEGER PRIMARY KEY,
    sha256  TEXT NOT NULL UNIQUE,              -- of the message as it was sent
    size    INTEGER NOT NULL,                  -- its bytes
    content BLOB NOT NULL                      -- the message, compressed with zlib: sqlar_uncompress(content, size)
);
CREATE TABLE submission (                      -- one school and date for one receiver: refused, or one message with one key
    id            INTEGER PRIMARY KEY,
    run_id        INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,   -- the newest that sent it
    receiver      TEXT NOT NULL,
    urn           INTEGER NOT NULL,
    day           TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('refused', 'sending', 'accepted', 'faulty', 'rejected', 'failed',
                                                 'unknown', 'superseded')),
    key           TEXT,                        -- Idempotency-Key, a random UUID; NULL if refused
    body_id       INTEGER REFERENCES body,     -- NULL if refused
    am            INTEGER,                     -- marks of the morning in the message; NULL: it has no morning
    pm            INTEGER,
    on_roll       INTEGER,
    attendance    REAL,                        -- 0 to 1, as the DfE calculates it
    changed       INTEGER,                     -- marks that differ from the message received before; NULL: none was
    changed_from  TEXT,                        -- when that one was sent
    recorded_at   TEXT NOT NULL,               -- before the first byte was sent
    answered_at   TEXT,
    reference     TEXT,                        -- the DfE's submissionRef
    problem       TEXT,
    faults        TEXT,                        -- JSON: [[code, year group, session, attendance code, text], ...]
    tries         TEXT                         -- JSON: [[at, seconds, answer], ...]
);
CREATE INDEX submission_by_day ON submission (day, urn, run_id);
CREATE INDEX submission_open ON submission (state, day) WHERE state <> 'accepted';
CREATE INDEX submission_by_run ON submission (run_id);
CREATE INDEX submission_by_body ON submission (body_id);
CREATE TABLE closed (                          -- receivers that said 410; after 2 runs in a row nothing more is sent
    receiver TEXT PRIMARY KEY,
    at       TEXT NOT NULL,
    runs     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE notice (                          -- each text that someone agreed to, once
    sha256  TEXT PRIMARY KEY,
    number  INTEGER NOT NULL,
    content TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE consent (                         -- every grant and removal, permanently
    id            INTEGER PRIMARY KEY,
    urn           INTEGER NOT NULL,
    name          TEXT NOT NULL,
    action        TEXT NOT NULL CHECK (action IN ('given', 'removed', 'lapsed')),   -- lapsed: left the settings file
    person        TEXT NOT NULL,               -- the account that ran the command, as the kernel reports it
    username      TEXT,                        -- its user name in the MIS
    login_uid     INTEGER,                     -- evidence: who signed in to this machine
    role          TEXT,
    reason        TEXT,
    receiver      TEXT NOT NULL,               -- origin of the API
    data_set      INTEGER NOT NULL,            -- version of what is sent
    window_count  TEXT NOT NULL,               -- the days that the notice names: working or calendar days
    year_groups   INTEGER NOT NULL,            -- 1: the notice names the pupils on roll in each year group
    notice        INTEGER NOT NULL,            -- number of the notice
    notice_sha256 TEXT REFERENCES notice,      -- its text as it was shown; NULL: a removal
    at            TEXT NOT NULL
);
CREATE INDEX consent_by_urn ON consent (urn, id);
CREATE TRIGGER consent_is_never_changed BEFORE UPDATE ON consent
BEGIN SELECT RAISE(ABORT, 'consent rows are never changed'); END;
CREATE TRIGGER consent_is_never_replaced BEFORE INSERT ON consent WHEN EXISTS (SELECT 1 FROM consent WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'consent rows are never replaced'); END;
CREATE TRIGGER consent_is_never_deleted BEFORE DELETE ON consent
BEGIN SELECT RAISE(ABORT, 'consent rows are never deleted'); END;
CREATE TRIGGER notice_is_never_changed BEFORE UPDATE ON notice
BEGIN SELECT RAISE(ABORT, 'notices are never changed'); END;
CREATE TRIGGER notice_is_never_deleted BEFORE DELETE ON notice
BEGIN SELECT RAISE(ABORT, 'notices are never deleted'); END;
