"""Tests of the settings file and its faults."""
