"""Tests of the reading of run databases, on SQLite, PostgreSQL and MariaDB."""
