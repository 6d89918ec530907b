"""What `attsync check` says."""
