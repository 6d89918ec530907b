"""Tests of the reading of school databases, on SQLite, PostgreSQL and MariaDB."""
