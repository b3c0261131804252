"""The report's section on the contract: what is broken first, nothing that could run in the page."""

from __future__ import annotations

from udb_pipelines.errors import Severity
from udb_pipelines.models import ContractCheck, ContractResult, Profile
from udb_pipelines.publishing.promises import contract_view
from udb_pipelines_tests.publishing import samples

HOSTILE = "<script>alert(1)</script>\u202e"


def check(rule: str, status: str, severity: Severity = Severity.ERROR, **fields: object) -> ContractCheck:
    base = {"rule": rule, "kind": "values", "promise": HOSTILE, "severity": severity, "status": status}
    return ContractCheck.model_validate({**base, **fields})


def profile(*checks: ContractCheck, blocks: bool = False) -> Profile:
    result = ContractResult(
        contract_id="c", contract_version="1.0.0", sha256="ab" * 32, blocks=blocks, verdict="FAIL", checks=checks
    )
    return samples.profile(contract=result)


def test_without_a_contract_there_is_no_section():
    assert contract_view(samples.profile()) is None


def test_errors_come_first_and_what_is_kept_last():
    view = contract_view(
        profile(
            check("kept", "kept"),
            check("warned", "broken", Severity.WARNING),
            check("later", "not_run", found="by hand"),
            check("failed", "broken", column="status", count=3, rows=(7, 1406)),
            blocks=True,
        )
    )
    assert view is not None
    assert [promise.rule for promise in view.broken] == ["failed", "warned"]
    assert [promise.state for promise in view.others] == ["not run", "kept"]
    assert view.headline == ("4 promises. 2 broken, 1 kept, 1 not run. Data that breaks an error is not committed.")
    failed = view.broken[0]
    assert (failed.rows, failed.tone, bool(failed.column.anchor)) == ("7, 1,406", "v-fail", True)
    assert "\u202e" not in failed.says
