"""A contract's keys with their lines, and what the standard leaves to customs: severities and custom properties.

The standard has a free text for the severity of a quality rule and none for the other promises. Four custom
properties say the rest; they may stand at the contract, an object or a property, the nearest counts:

- ``udbSeverity``: ``error`` or ``warning``, for the type, the options, ``required``, ``unique`` and ``primaryKey``;
- ``udbOptionsSeverity``: the same for ``logicalTypeOptions`` alone;
- ``udbExtraColumns``: ``error``, ``warning`` or ``allow``, for columns that the contract does not name;
- ``udbEnforce``: ``block`` keeps data that breaks a rule of severity ``error`` out of the warehouse; ``report``
  commits it and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from udb_pipelines.contracts.faults import invalid
from udb_pipelines.errors import Severity, UdbError
from udb_pipelines.yamltext import Document, Path

_SEVERITIES = {
    **dict.fromkeys(("error", "critical", "blocker", "fatal", "high", "major", "severe"), Severity.ERROR),
    **dict.fromkeys(("warning", "warn", "minor", "medium", "low", "info"), Severity.WARNING),
}
ALLOWED = {
    "udbSeverity": ("error", "warning"),
    "udbOptionsSeverity": ("error", "warning"),
    "udbExtraColumns": ("error", "warning", "allow"),
    "udbEnforce": ("block", "report"),
}


@dataclass(frozen=True)
class Part:
    """A mapping inside a contract, and the parts around it."""

    document: Document
    path: Path
    content: Mapping[str, Any]
    around: Part | None = None

    @property
    def line(self) -> int | None:
        """Where it begins."""
        return self.document.line(self.path)

    def get(self, key: str) -> Any:  # noqa: ANN401 - YAML
        """A value; None when the key is absent."""
        return self.content.get(key)

    def line_of(self, *keys: str | int) -> int | None:
        """The line of a key below."""
        return self.document.line((*self.path, *keys))

    def wrong(self, said: str, *keys: str | int) -> UdbError:
        """The error about a key below."""
        return invalid(said, self.line_of(*keys))

    def parts(self, key: str) -> Iterator[Part]:
        """The mappings in the list under ``key``."""
        for number, entry in enumerate(self.get(key) or ()):
            if isinstance(entry, dict):
                yield Part(self.document, (*self.path, key, number), entry, self)

    def custom(self, name: str) -> str | None:
        """A custom property of this part, or of the nearest around it that has one.

        Raises:
            UdbError: ``E_CONTRACT``: it has no value that is known.
        """
        for entry in self.parts("customProperties"):
            if entry.get("property") == name:
                if entry.get("value") not in ALLOWED[name]:
                    raise entry.wrong(f"{name} is none of {', '.join(ALLOWED[name])}", "value")
                return str(entry.get("value"))
        return self.around.custom(name) if self.around else None

    def severity(self, name: str = "udbSeverity") -> Severity:
        """How much a broken promise of this part matters; an error when nothing is said."""
        return Severity(self.custom(name) or (self.custom("udbSeverity") if name != "udbSeverity" else None) or "error")


def rule_severity(rule: Part) -> Severity:
    """How much a broken quality rule matters: its own severity, or an error.

    Raises:
        UdbError: ``E_CONTRACT``: the word is unknown.
    """
    said = rule.get("severity")
    if said is None:
        return Severity.ERROR
    if str(said).lower() not in _SEVERITIES:
        raise rule.wrong(f"the severity is none of {', '.join(_SEVERITIES)}", "severity")
    return _SEVERITIES[str(said).lower()]
