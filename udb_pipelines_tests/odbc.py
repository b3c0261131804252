"""ODBC drivers for the tests: which are registered, and the addresses of the test servers through them."""

from __future__ import annotations

import configparser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import pytest

REGISTERED = Path("/etc/odbcinst.ini")


def needs_driver(name: str) -> None:
    """Skip the test where the driver is not there."""
    if find_spec("arrow_odbc") is None:
        pytest.skip("needs the package arrow-odbc")
    drivers = configparser.ConfigParser(interpolation=None)
    drivers.read(REGISTERED)
    if not drivers.has_section(name):
        pytest.skip(f"needs the ODBC driver {name}: apt-get install unixodbc odbc-postgresql odbc-mariadb tdsodbc")


def through(driver: str, url: str, **settings: object) -> str:
    """The address of a test server by a driver."""
    needs_driver(driver)
    told = "".join(f"&{key}={quote(str(value))}" for key, value in settings.items())
    return f"odbc://{url.partition('://')[2]}?driver={quote(driver)}{told}"
