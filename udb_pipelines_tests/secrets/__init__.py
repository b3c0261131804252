"""Encrypted secrets and references to them."""
