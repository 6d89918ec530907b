"""Tests of attsync.dfe."""
