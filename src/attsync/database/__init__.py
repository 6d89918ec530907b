"""The school's database: counts and nothing but counts come out of it (SPEC.md 4).

Knows SQLAlchemy and how each kind of database spells a date and a text. Each SELECT of the settings is wrapped, grouped
and counted inside the database, in one read-only snapshot; no row about a pupil reaches Python. Refuses to know what is
done with the counts.
"""

from attsync.database.reader import holds_permission, read, schools_of

__all__ = ["holds_permission", "read", "schools_of"]
