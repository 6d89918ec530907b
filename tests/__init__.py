"""The tests: one module for each module of attsync, and those that guard its promises."""
