"""How fast and how small attsync is, next to a floor and to what else a school could use.

See docs/design/sending.md 9, benchmarks/README.md. Nothing here is a test of time: it prints figures, it does not judge
them. See README.md beside this file.
"""
