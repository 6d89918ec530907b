"""attsync counts roll-call marks inside a school's own database and sends only the counts."""

__version__ = "0.1.0"
