"""Tests of the commands, as somebody would type them."""
