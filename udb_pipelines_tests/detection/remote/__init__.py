"""Tests of sources that are not on this machine."""
