"""Tests of SFTP sources, against a real OpenSSH server."""
