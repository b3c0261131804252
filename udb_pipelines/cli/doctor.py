"""``udb doctor``: is this machine, and what is stored on it, in order? And ``udb errors``: what a code means."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, print_json, print_line, print_table
from udb_pipelines.errors import CODES, Exit, Severity, UdbError
from udb_pipelines.wording import counted, size

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.warehouse.checks import Check

OLDEST_PYTHON = (3, 11)
SECRET_WARNING_DAYS = 30
LITTLE_SPACE_BYTES = 2_000_000_000
STYLES = {"ok": "green", "warn": "yellow", "fail": "red", "mended": "cyan"}


def doctor(
    mend: Annotated[
        bool, typer.Option("--mend", help="Remove what nobody owns; end jobs whose process is gone.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Sizes of the data files only, not their checksums.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> int:
    """Check Python, packages, folders, disk, control database, warehouse and Dagster's storage.

    Ends with 5 if something is wrong.

    [bold]Examples[/bold]

      udb doctor
      udb doctor --quick        without reading every data file
      udb doctor --mend         also clean up after jobs that were killed
    """
    from udb_pipelines import warehouse

    settings = session.settings()
    checks = [
        *_machine(settings),
        *warehouse.check(session.lake(), mend=mend, quick=quick),
        _asked("copies", _copies, settings),
        _asked("drill", _drill, settings),
        _asked("oauth", _oauth, settings),
        _asked("sources file", _sources_file, settings),
        _dagster(settings),
        _slots(settings, mend),
        _jobs(settings, mend),
    ]
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        print_json([check.model_dump() for check in checks])
    else:
        rows = [(check.name, "mended" if check.mended else check.status, check.detail) for check in checks]
        print_table((Column("check"), Column("status", styles=STYLES), Column("what was found", wrap=True)), rows)
    return int(Exit.ENVIRONMENT if failed else Exit.OK)


def errors(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="One code; all when absent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Explain an error or warning code: what it means, what to do, which exit code it leads to.

    [bold]Example[/bold]

      udb errors E_REJECTS
    """
    chosen = [_known_code(code)] if code else list(CODES)
    if as_json:
        print_json([_code_facts(name) for name in chosen])
    elif code:
        for label, fact in _code_facts(chosen[0]).items():
            print_line(f"{label:<10} {fact}")
    else:
        styles = {str(Severity.ERROR): "red", str(Severity.WARNING): "yellow"}
        columns = (
            Column("code"),
            Column("severity", styles=styles),
            Column("exit", "right"),
            Column("meaning", wrap=True),
            Column("what to do", wrap=True),
        )
        print_table(columns, [tuple(str(fact) for fact in _code_facts(name).values()) for name in chosen])


def _known_code(code: str) -> str:
    import difflib

    if code.upper() in CODES:
        return code.upper()
    close = difflib.get_close_matches(code.upper(), CODES, n=2)
    hint = f"did you mean {' or '.join(close)}?" if close else "udb errors lists them"
    raise UdbError("E_OPTION", f"there is no code {code}", remedy=hint)


def _code_facts(name: str) -> dict[str, object]:
    info = CODES[name]
    exit_code = int(UdbError(name, "").exit_code) if info.severity is Severity.ERROR else int(Exit.OK)
    return {
        "code": name, "severity": str(info.severity), "exit": exit_code, "meaning": info.meaning, "remedy": info.remedy,
    }  # fmt: skip


def _machine(settings: Settings) -> Iterator[Check]:
    questions: tuple[tuple[str, Callable[[Settings], Check]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("extensions", _extensions),
        ("home", _home),
        ("disk", _disk),
        ("control", _control),
    )
    for name, question in questions:
        yield _asked(name, question, settings)


def _asked(name: str, question: Callable[[Settings], Check], settings: Settings) -> Check:
    from udb_pipelines.operations.stages import translate
    from udb_pipelines.warehouse.checks import Check

    try:
        return question(settings)
    except Exception as error:
        failure = translate(error)
        return Check(name=name, status="fail", detail=f"{failure.message}; {failure.remedy}")


def _python(_: Settings) -> Check:
    from udb_pipelines.warehouse.checks import Check

    found = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= OLDEST_PYTHON
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Check(name="python", status="ok" if good else "fail", detail=found if good else f"{found}, not {wanted}")


def _packages(_: Settings) -> Check:
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    from udb_pipelines.warehouse.checks import Check

    problems = []
    needed = [Requirement(text) for text in requires("udb-pipelines") or ()]
    for requirement in needed:
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            problems.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            problems.append(f"{requirement.name} is {found}, not {requirement.specifier}")
    detail = "; ".join(problems) or f"{len(needed)} packages in the versions they should have"
    return Check(name="packages", status="fail" if problems else "ok", detail=detail)


def _extensions(settings: Settings) -> Check:
    from typing import get_args

    from udb_pipelines.engine import Extension, connect
    from udb_pipelines.warehouse.checks import Check

    names = get_args(Extension)
    connect(settings, names).close()
    return Check(name="extensions", status="ok", detail=f"DuckDB loads {', '.join(names)}")


def _home(settings: Settings) -> Check:
    import tempfile

    from udb_pipelines.warehouse.checks import Check

    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.home) as probe:
        probe.write(b"x")
    return Check(name="home", status="ok", detail=f"{settings.home} can be written")


def _disk(settings: Settings) -> Check:
    from udb_pipelines.warehouse.checks import Check
    from udb_pipelines.warehouse.retention import disk_used_pct

    usage = shutil.disk_usage(settings.home)
    used = disk_used_pct(settings)
    detail = f"{size(usage.free)} free, {used:.0f} % used"
    if used > settings.disk_high_pct:
        detail += f"; above {settings.disk_high_pct:g} % old artifacts go before their time: udb retention plan"
    little = usage.free < LITTLE_SPACE_BYTES or used > settings.disk_high_pct
    return Check(name="disk", status="warn" if little else "ok", detail=detail)


def _control(settings: Settings) -> Check:
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.warehouse.checks import Check

    count = len(SourceRegistry(settings).list())
    return Check(name="control", status="ok", detail=f"{counted(count, 'source')} registered")


def _drill(settings: Settings) -> Check:
    from datetime import UTC, datetime

    from udb_pipelines.warehouse.checks import Check
    from udb_pipelines.warehouse.restore.drill import LATE_DAYS, last_drills

    drills = last_drills(settings)
    age = drills.age_days(datetime.now(UTC))
    failed = "" if drills.last is None or drills.last.passed else f"; the last drill failed: {drills.last.problems[0]}"
    if age is None:
        needed = session.lake().current_version() > 0
        detail = f"no restore was ever verified: udb restore drill{failed}"
        return Check(name="drill", status="fail" if failed else "warn" if needed else "ok", detail=detail)
    status = "fail" if failed else "warn" if age > LATE_DAYS else "ok"
    return Check(name="drill", status=status, detail=f"a restore was verified {age:.1f} days ago{failed}")


def _copies(_: Settings) -> Check:
    from udb_pipelines.warehouse.checks import Check
    from udb_pipelines.warehouse.snapshots.keeping import report

    status, detail = report(session.lake())
    return Check(name="copies", status=status, detail=detail)


def _sources_file(settings: Settings) -> Check:
    from udb_pipelines.control import sources_file
    from udb_pipelines.warehouse.checks import Check

    if settings.sources_file is None:
        return Check(name="sources file", status="ok", detail="none: UDB_SOURCES_FILE names one")
    known = sources_file.plan(sources_file.load(settings.sources_file), session.registry().list())
    waiting = len(known.added) + len(known.changed)
    detail = f"{waiting} of its sources are not applied: udb sources apply" if waiting else f"{len(known.same)} sources"
    return Check(name="sources file", status="warn" if waiting else "ok", detail=detail)


def _oauth(settings: Settings) -> Check:
    from datetime import UTC, datetime, timedelta

    from udb_pipelines.oauth.grants import Grants
    from udb_pipelines.warehouse.checks import Check

    known, now = Grants(settings).list(), datetime.now(UTC)
    soon = (now + timedelta(days=SECRET_WARNING_DAYS)).date()
    problems = [
        *(
            f"the client secret of {info.name} ends {info.client_secret_expires}: renew it at the provider"
            for info in known
            if info.client_secret_expires and info.client_secret_expires <= soon
        ),
        *(
            f"the access of {info.name} has ended: udb oauth login {info.name}"
            for info in known
            if info.expires_at and info.expires_at <= now and not info.renewable
        ),
    ]
    detail = "; ".join(problems) or f"{counted(len(known), 'sign-in')}"
    return Check(name="oauth", status="warn" if problems else "ok", detail=detail)


def _dagster(settings: Settings) -> Check:
    def ask(settings: Settings) -> Check:
        from udb_pipelines.orchestration.runner import jobs
        from udb_pipelines.warehouse.checks import Check

        newest = jobs(settings, limit=1)
        ran = f"last job {newest[0].status}" if newest else "no job yet"
        return Check(name="dagster", status="ok", detail=f"{settings.dagster_home}, {ran}")

    return _asked("dagster", ask, settings)


def _slots(settings: Settings, mend: bool) -> Check:
    def ask(settings: Settings) -> Check:
        from udb_pipelines.orchestration.orphans import stale_slots
        from udb_pipelines.warehouse.checks import Check

        dead = stale_slots(settings, free=mend)
        if not dead:
            return Check(name="slots", status="ok", detail="no place in a pool is held by a job that is over")
        what = "freed" if mend else "the daemon frees them, or udb doctor --mend"
        detail = f"places in pools held by jobs that are over: {', '.join(dead)}; {what}"
        return Check(name="slots", status="ok" if mend else "warn", detail=detail, mended=mend)

    return _asked("slots", ask, settings)


def _jobs(settings: Settings, mend: bool) -> Check:
    def ask(settings: Settings) -> Check:
        from udb_pipelines.orchestration.orphans import orphans
        from udb_pipelines.warehouse.checks import Check

        dead = orphans(settings, end=mend)
        if not dead:
            return Check(name="jobs", status="ok", detail="none is left without its process")
        what = "ended; go on with udb resume" if mend else "their process is gone; udb doctor --mend ends them"
        return Check(name="jobs", status="ok" if mend else "warn", detail=f"{', '.join(dead)}: {what}", mended=mend)

    return _asked("jobs", ask, settings)
