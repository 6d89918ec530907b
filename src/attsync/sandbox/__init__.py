"""A pretend DfE to run attsync against, and a made-up school to send for. Needs the packages of `attsync[demo]`."""
