"""The school's database: only counts come out of it (docs/design/sending.md 4).

Each SELECT of the settings is wrapped, grouped and counted inside the database, in one read-only snapshot; no row about
a pupil reaches Python. The only package that imports SQLAlchemy.
"""

from attsync.database.engine import is_tested
from attsync.database.reader import holds_permission, read, schools_by_database, schools_of

__all__ = ["holds_permission", "is_tested", "read", "schools_by_database", "schools_of"]
