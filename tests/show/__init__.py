"""Tests of the screens, as plain text at the widths that people have."""
