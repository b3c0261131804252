"""Whether a contract is one, by the schema that the standard publishes.

The schema (``schema/odcs-v3.1.0.json``) is the Bitol project's own file, Apache-2.0. It refuses fields that it does
not know; we tell them and keep them, since they may belong to somebody else's tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from udb_pipelines.contracts.faults import invalid
from udb_pipelines.yamltext import Document, Path

if TYPE_CHECKING:
    from jsonschema import Draft201909Validator
    from jsonschema.exceptions import ValidationError

API_VERSION = "v3.1.0"
READ_VERSIONS = ("v3.1.0", "v3.0.2", "v3.0.1", "v3.0.0")
OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip
MOST_TOLD = 10

_UNKNOWN = frozenset({"additionalProperties", "unevaluatedProperties"})
_NAMES = re.compile(r"'((?:[^'\\]|\\.)*)'")


@dataclass(frozen=True)
class Note:
    """Something about a contract that is no error."""

    line: int | None
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


def validate(document: Document) -> tuple[Note, ...]:
    """Check a contract against the standard's schema.

    Returns:
        Fields that the standard does not know.

    Raises:
        UdbError: ``E_CONTRACT`` with the line of everything that is wrong, at most :data:`MOST_TOLD` of it.
    """
    version = document.content.get("apiVersion")
    if version is not None and version not in READ_VERSIONS:
        raise invalid(f"apiVersion is none of {', '.join(READ_VERSIONS)}", document.line(("apiVersion",)))
    errors = tuple(_validator().iter_errors(document.content))
    wrong = [error for error in errors if error.validator not in _UNKNOWN]
    if wrong:
        told = dict.fromkeys(str(note) for note in sorted(_told(document, wrong), key=lambda note: note.line or 0))
        more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
        raise invalid("; ".join(list(told)[:MOST_TOLD]) + more)
    return tuple(sorted(set(_unknown(document, errors)), key=lambda note: (note.line or 0, note.message)))


@cache
def schema() -> dict[str, Any]:
    """The published JSON Schema of the standard, version 3.1.0."""
    text = files(__package__).joinpath("schema", f"odcs-{API_VERSION}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@cache
def _validator() -> Draft201909Validator:
    from jsonschema import Draft201909Validator

    return Draft201909Validator(schema())


def _told(document: Document, errors: Iterable[ValidationError]) -> Iterator[Note]:
    for error in errors:
        path = (*error.absolute_path, *_operator(error))
        yield Note(document.line(path), _said(error, path))


def _said(error: ValidationError, path: Path) -> str:
    """What is wrong, in fewer words than the schema's, and without the value."""
    where = _where(path)
    if error.validator == "required":
        missing = _NAMES.search(error.message)
        return f"{where} lacks {missing[1] if missing else 'a key'}"
    if _operator(error):
        return f"{where} is not {'two numbers in brackets' if 'Between' in where else 'a number'}"
    if error.validator == "oneOf" and "quality" in path:
        return f"{where} needs exactly one of {', '.join(OPERATORS)}"
    if error.validator == "enum":
        return f"{where} is none of {', '.join(map(str, error.validator_value))}"
    if error.validator == "type":
        wanted = error.validator_value
        return f"{where} is not of type {' or '.join(wanted) if isinstance(wanted, list) else wanted}"
    return f"{where} breaks the standard's rule {error.validator}"


def _operator(error: ValidationError) -> tuple[str, ...]:
    """The one operator of a quality rule, when what is wrong is its value; else nothing."""
    if error.validator != "oneOf" or "quality" not in error.absolute_path or not isinstance(error.instance, dict):
        return ()
    given = tuple(name for name in OPERATORS if name in error.instance)
    return given if len(given) == 1 else ()


def _where(path: Path) -> str:
    return (
        ".".join(f"[{part}]" if isinstance(part, int) else part for part in path).replace(".[", "[") or "the contract"
    )


def _unknown(document: Document, errors: Iterable[ValidationError]) -> Iterator[Note]:
    for error in errors:
        path = tuple(error.absolute_path)
        found = error.instance if isinstance(error.instance, dict) else {}
        for name in _NAMES.findall(error.message):
            if name in found:
                line = document.line((*path, name))
                yield Note(line, f"{name} is no field that the standard has here: it is kept, and not checked")
