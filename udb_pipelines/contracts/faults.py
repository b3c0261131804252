"""A contract as text, and what is said of one that cannot be used.

A pinned contract is kept byte for byte: nothing of it is lost in any round trip.
"""

from __future__ import annotations

from udb_pipelines import yamltext
from udb_pipelines.errors import UdbError
from udb_pipelines.yamltext import Document

CODE = "E_CONTRACT"


def read(text: str) -> Document:
    """Read a contract.

    Raises:
        UdbError: ``E_CONTRACT`` with the line at which the text stops being YAML, or repeats a key.
    """
    return yamltext.read(text, CODE)


def invalid(said: str, line: int | None = None) -> UdbError:
    """The error about a contract that cannot be used."""
    return yamltext.wrong(CODE, said, line)
