"""Lets `python -m attsync` do what `attsync` does."""

from attsync.commands import main

if __name__ == "__main__":
    main()
