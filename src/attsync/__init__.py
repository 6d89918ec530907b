"""attsync counts roll-call marks inside a school's own database and sends only the counts."""

__version__ = "0.1.0"
__released__ = "2026-01-01"
"""No clock of a computer that runs this can be right before this date."""
