-- The tables of the sandbox's made-up school.
CREATE TABLE pupils (
    pupil_id      INTEGER PRIMARY KEY,
    first_name    TEXT NOT NULL,
    last_name     TEXT NOT NULL,
    date_of_birth TEXT NOT NULL
);
CREATE TABLE enrolments (
    pupil_id     INTEGER NOT NULL REFERENCES pupils,
    year_group   TEXT NOT NULL,
    entry_date   TEXT NOT NULL,
    leaving_date TEXT
);
CREATE TABLE roll_call_marks (
    pupil_id   INTEGER NOT NULL REFERENCES pupils,
    mark_date  TEXT NOT NULL,
    session    TEXT NOT NULL,
    year_group TEXT NOT NULL,
    mark       TEXT,
    PRIMARY KEY (pupil_id, mark_date, session)
);
CREATE INDEX roll_call_marks_by_date ON roll_call_marks (mark_date);
CREATE TABLE staff_permissions (
    username   TEXT NOT NULL,
    permission TEXT NOT NULL
);
