"""Tests of the pretend DfE: what is sent against it counts only if it behaves as the real one did."""
