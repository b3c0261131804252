"""Tests of snapshots: made, listed, verified, pruned, in a folder and in an object store."""
