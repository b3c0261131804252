"""What the report says of the contract in force: what was promised, what is broken. Pure, as ``view``."""

from __future__ import annotations

from dataclasses import dataclass

from udb_pipelines.models import ContractCheck, Profile
from udb_pipelines.publishing.formatting import integer, shown
from udb_pipelines.publishing.whole import Link, links
from udb_pipelines.wording import counted

_STATES = {"broken": "broken", "not_run": "not run", "kept": "kept"}
TEXT_CHARACTERS = 160


@dataclass(frozen=True)
class Promise:
    """One promise of the contract."""

    column: Link
    rule: str
    says: str
    state: str
    severity: str
    tone: str
    """Of the tag: ``v-fail``, ``v-warn``, ``v-pass``, or nothing."""
    found: str
    rows: str
    line: str


@dataclass(frozen=True)
class ContractView:
    """The contract and its promises: broken ones first, then those that were not run."""

    headline: str
    about: str
    verdict: str
    broken: tuple[Promise, ...]
    others: tuple[Promise, ...]


def contract_view(profile: Profile) -> ContractView | None:
    """The section of the report; None where no contract is pinned."""
    result = profile.contract
    if result is None:
        return None
    linked = links(profile)
    ordered = sorted(result.checks, key=lambda check: (list(_STATES).index(check.status), check.severity.value))
    promises = [_promise(check, linked) for check in ordered]
    broken = tuple(promise for promise in promises if promise.state == "broken")
    kept = sum(check.status == "kept" for check in result.checks)
    not_run = len(promises) - kept - len(broken)
    said = f"{integer(len(broken))} broken" if broken else "None is broken"
    rest = f", {integer(not_run)} not run" if not_run else ""
    blocks = "Data that breaks an error is not committed." if result.blocks else "What is broken is told, not kept out."
    return ContractView(
        f"{counted(len(promises), 'promise')}. {said}, {integer(kept)} kept{rest}. {blocks}",
        f"{shown(result.contract_id, 60)}, version {shown(result.contract_version, 30)}, SHA-256 {result.sha256[:12]}…",
        result.verdict,
        broken,
        tuple(promise for promise in promises if promise.state != "broken"),
    )


def _promise(check: ContractCheck, linked: dict[str, Link]) -> Promise:
    tone = {"kept": "v-pass", "not_run": ""}.get(check.status) or ("v-fail" if check.severity == "error" else "v-warn")
    return Promise(
        linked.get(check.column or "") or Link(shown(check.column or "", 80), ""),
        shown(check.rule, 120),
        shown(check.promise, TEXT_CHARACTERS),
        _STATES[check.status],
        check.severity.value,
        tone if check.status != "not_run" else "",
        shown(check.found, TEXT_CHARACTERS) if check.found else "",
        ", ".join(map(integer, check.rows)),
        str(check.line or ""),
    )
