"""Tests of the commands, as someone would type them."""
