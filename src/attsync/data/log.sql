-- The tables of attsync's log. They are an interface: auditors may query them; a change raises user_version.

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    started_at  TEXT NOT NULL,           -- all times are UTC
    ended_at    TEXT,                    -- NULL: still running, or died
    first_day   TEXT NOT NULL,           -- the window
    last_day    TEXT NOT NULL,
    version     TEXT NOT NULL,           -- of attsync
    exit_code   INTEGER,
    to_check    TEXT NOT NULL DEFAULT '[]'   -- of no school of the settings; JSON: [[code, text, next, days], ...]
);
CREATE TABLE school_run (                -- what one run did for one school
    run_id       INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    urn          INTEGER NOT NULL,
    name         TEXT NOT NULL,
    outcome      TEXT NOT NULL CHECK (outcome IN ('read', 'skipped', 'failed')),
    problem_code TEXT, problem_text TEXT, problem_next TEXT,
    to_check     TEXT NOT NULL DEFAULT '[]',   -- JSON: [[code, text, next, [day, ...]], ...]
    problem_words TEXT,                  -- a few, for a cell of a table; NULL or empty: those of the code
    PRIMARY KEY (run_id, urn)
) WITHOUT ROWID;
CREATE INDEX school_run_by_urn ON school_run (urn, run_id);
CREATE TABLE body (                      -- each distinct body once
    sha256  TEXT PRIMARY KEY,
    content TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE submission (                -- one school and date: refused, or one body with one key
    id           INTEGER PRIMARY KEY,
    run_id       INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,   -- the newest that sent it
    urn          INTEGER NOT NULL,
    day          TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('refused', 'sending', 'accepted', 'faulty', 'rejected', 'failed',
                                                'unknown', 'superseded')),
    key          TEXT UNIQUE,            -- Idempotency-Key; NULL if refused
    sha256       TEXT REFERENCES body,   -- NULL if refused
    recorded_at  TEXT NOT NULL,          -- before the first byte was sent
    answered_at  TEXT,
    reference    TEXT,                   -- the DfE's submissionRef
    problem_code TEXT, problem_text TEXT, problem_next TEXT,
    problem_words TEXT                   -- a few, for a cell of a table; NULL or empty: those of the code
);
CREATE INDEX submission_by_day ON submission (urn, day, run_id);
CREATE INDEX submission_open ON submission (state) WHERE state = 'sending';
CREATE INDEX submission_by_run ON submission (run_id);
CREATE INDEX submission_by_body ON submission (sha256);
CREATE TABLE fault (                     -- what the DfE found in a body that it stored
    submission_id   INTEGER NOT NULL REFERENCES submission ON DELETE CASCADE,
    code            TEXT NOT NULL,       -- VAL103, VAL104, VAL105
    year_group      TEXT,
    session         TEXT,
    attendance_code TEXT,
    text            TEXT NOT NULL
);
CREATE INDEX fault_by_submission ON fault (submission_id);
CREATE TABLE try (                       -- one request and its answer
    submission_id INTEGER NOT NULL REFERENCES submission ON DELETE CASCADE,
    at            TEXT NOT NULL,
    seconds       REAL NOT NULL,
    answer        TEXT NOT NULL
);
CREATE INDEX try_by_submission ON try (submission_id);
CREATE TABLE closed (                    -- receivers that said 410; nothing more is sent until attsync check passes
    receiver TEXT PRIMARY KEY,
    at       TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE consent (                   -- every grant and removal, for good
    id        INTEGER PRIMARY KEY,
    urn       INTEGER NOT NULL,
    name      TEXT NOT NULL,
    given     INTEGER NOT NULL CHECK (given IN (0, 1)),
    person    TEXT NOT NULL,             -- the account that ran the command, as the kernel knows it
    username  TEXT,                      -- its name in the school system
    login_uid INTEGER,                   -- evidence: who signed in to this machine
    role      TEXT,
    reason    TEXT,
    receiver  TEXT NOT NULL,             -- origin of the API
    data_set  INTEGER NOT NULL,          -- version of what is sent
    notice    INTEGER NOT NULL,          -- version of the text that was shown
    at        TEXT NOT NULL
);
CREATE INDEX consent_by_urn ON consent (urn, id);
CREATE TRIGGER consent_is_never_changed BEFORE UPDATE ON consent
BEGIN SELECT RAISE(ABORT, 'consent rows are never changed'); END;
CREATE TRIGGER consent_is_never_replaced BEFORE INSERT ON consent WHEN EXISTS (SELECT 1 FROM consent WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'consent rows are never replaced'); END;
CREATE TRIGGER consent_is_never_deleted BEFORE DELETE ON consent
BEGIN SELECT RAISE(ABORT, 'consent rows are never deleted'); END;
