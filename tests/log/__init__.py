"""Tests of attsync.log."""
