"""Failing on purpose, again and again: strangers that answer, runs that are killed, disks that are full.

`make torture` runs everything and prints counts; the test suite runs a bounded form of it.
"""
