"""Tests of attsync.status."""
