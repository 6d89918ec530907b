"""Tests of attsync.schedule."""
