"""Data contracts by the Open Data Contract Standard 3.1: inferred, pinned, compared, enforced.

    profile -> infer -> contract.yaml -> (a person edits it) -> store -> document -> promises -> rules
    rules + a version of the dataset -> evaluate -> ContractResult -> findings, verdict, checks, report

``document`` reads YAML with line numbers and ``validation`` holds it against the schema that the standard publishes.
``parts``, ``types``, ``options``, ``quality``, ``freshness`` and ``promises`` turn it into rules, without touching any
data; ``evaluate`` asks them in SQL; ``enforce`` decides what follows. ``differences`` compares two contracts.
"""

from udb_pipelines.contracts.enforce import applied, check_freshness, check_version, gate, refusal
from udb_pipelines.contracts.infer import contract_yaml
from udb_pipelines.contracts.store import Pin, history, pin, pinned, unpin
from udb_pipelines.contracts.store import names as pinned_names

__all__ = [
    "Pin",
    "applied",
    "check_freshness",
    "check_version",
    "contract_yaml",
    "gate",
    "history",
    "pin",
    "pinned",
    "pinned_names",
    "refusal",
    "unpin",
]
