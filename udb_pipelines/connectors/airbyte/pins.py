"""The connectors that UDB knows: exact versions that were installed and asked, with their licences.

An address says which one: ``airbyte:faker``, ``airbyte:faker@7.2.1`` for another version, or
``airbyte:manifest`` with the path of a low-code manifest in the configuration (``manifest: api.yaml``).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from udb_pipelines.errors import UdbError

MANIFEST = "manifest"
"""Runs a low-code manifest with Airbyte's own kit."""

_ADDRESS = re.compile(r"airbyte:(?:source-)?(?P<name>[a-z0-9][a-z0-9-]*)(?:@(?P<version>[0-9][0-9A-Za-z.]*))?")
_ELASTIC = "Elastic License 2.0 (https://www.elastic.co/licensing/elastic-license)"
_MIT = "MIT License"


@dataclass(frozen=True)
class Pin:
    """One connector in one version."""

    name: str
    package: str
    """On the Python package index."""
    version: str
    command: str
    """The executable that the package installs."""
    licence: str
    about: str
    tried: bool = True
    """Whether this version was installed and said what it needs; any other connector may be named all the same."""

    @property
    def requirement(self) -> str:
        """For the installer."""
        return f"{self.package}=={self.version}"

    @property
    def folder(self) -> str:
        """Name of its environment."""
        return f"{self.name}-{self.version}"


PINS = (
    Pin("faker", "airbyte-source-faker", "7.2.1", "source-faker", _ELASTIC, "made-up users, products and purchases"),
    Pin("github", "airbyte-source-github", "2.7.1", "source-github", _ELASTIC, "repositories, issues, pull requests"),
    Pin("google-sheets", "airbyte-source-google-sheets", "0.11.0", "source-google-sheets", _ELASTIC, "spreadsheets"),
    Pin("jira", "airbyte-source-jira", "4.0.0", "source-jira", _ELASTIC, "issues, projects, sprints, users"),
    Pin("stripe", "airbyte-source-stripe", "5.14.1", "source-stripe", _ELASTIC, "charges, customers, invoices"),
    Pin(
        MANIFEST, "airbyte-cdk", "7.39.1", "source-declarative-manifest", _MIT, "any REST API that a manifest describes"
    ),
)


def pin_of(address: str) -> Pin:
    """The connector that an address names.

    Raises:
        UdbError: ``E_NOT_FOUND`` when the address is none, or names an unknown connector without a version.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UdbError(
            "E_NOT_FOUND",
            f"{address} names no connector",
            remedy="write airbyte:NAME, such as airbyte:faker, or airbyte:NAME@1.2.3 for an exact version",
        )
    name, version = match["name"], match["version"]
    known = next((pin for pin in PINS if pin.name == name), None)
    if known is not None and version in (None, known.version):
        return known
    if version is None:
        close = difflib.get_close_matches(name, [pin.name for pin in PINS], n=1)
        hint = f"did you mean airbyte:{close[0]}? " if close else ""
        raise UdbError(
            "E_NOT_FOUND",
            f"{name} is not among the connectors that UDB has tried",
            remedy=f"{hint}udb connectors list shows them; for any other say which version: airbyte:{name}@1.2.3",
        )
    if known is not None:
        return Pin(name, known.package, version, known.command, known.licence, known.about, tried=False)
    return Pin(name, f"airbyte-source-{name}", version, f"source-{name}", _ELASTIC, "not tried by UDB", tried=False)
