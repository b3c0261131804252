"""Airbyte connectors, as processes that speak the protocol."""
