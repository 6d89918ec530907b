"""What makes this machine run `attsync send` by itself: lines for cron, units for systemd, written and found again.

units.py     writes both
crontab.py   reads and writes the crontab of this account, and knows which lines are ours
grammar.py   the times of an entry, as days of the week and times of the day
clock.py     the clock by which cron goes
machine.py   finds every entry that sends, whoever wrote it
"""
