"""``udb contract``: what a dataset promises: looked at, put into force, compared, checked now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import (
    Column,
    moment,
    note,
    number,
    print_json,
    print_line,
    print_table,
)
from udb_pipelines.errors import Exit, UdbError

if TYPE_CHECKING:
    from udb_pipelines.contracts.store import Pin
    from udb_pipelines.contracts.validation import Note
    from udb_pipelines.models import ColumnSchema, ContractCheck, ContractResult
    from udb_pipelines.yamltext import Document

HELP = """\
What a dataset promises: the contract inferred from its profile, edited by you, held against every sync. \
A contract is a YAML file by the Open Data Contract Standard 3.1. Every job publishes one that its data fits; \
nothing is enforced before you pin one.
"""

EPILOG = """\
[bold]Example[/bold]

  udb contract show orders > orders.yaml     what was inferred; edit it
  udb contract pin orders orders.yaml        in force from now on
  udb contract test orders                   is it kept, now? 4 if not
  udb contract diff orders                   what today's data no longer keeps
"""

_MARGIN = "[bold][/bold]"
"""Keeps the indentation of examples, as in the epilog of ``udb`` itself."""

app = typer.Typer(
    help=HELP,
    epilog=EPILOG.replace("\n  ", f"\n{_MARGIN}  ").replace("\n", "\n\n"),
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="SOURCE|DATASET", help="A dataset, or a source for all of its datasets.")]
Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset; a source that has only one will do.")]
File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A contract; '-' reads it from stdin.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]

STATUS_STYLES = {"kept": "green", "broken": "red", "not run": "dim"}
WEIGHT_STYLES = {"breaking": "red", "safe": "green"}


@app.command("list")
def list_contracts(as_json: Json = False) -> None:
    """List the datasets that have a contract in force, and since when.

    [bold]Examples[/bold]

      udb contract list
      udb contract list --json
    """
    from udb_pipelines import contracts

    settings = session.settings()
    found = [
        (name, entry.pinned_at, entry.path)
        for name in contracts.pinned_names(settings)
        for entry in contracts.history(settings, name)
        if entry.in_force
    ]
    if as_json:
        print_json([{"dataset": name, "pinned_at": at, "file": path} for name, at, path in found])
    elif not found:
        note("No contract is pinned. See what was inferred: udb contract show DATASET")
    else:
        print_table((Column("dataset", wrap=True), Column("pinned")), [(name, moment(at)) for name, at, _ in found])


@app.command("show")
def show(
    name: Dataset,
    inferred: Annotated[bool, typer.Option("--inferred", help="What the newest profile fits, pinned or not.")] = False,
    as_json: Json = False,
) -> None:
    """Print the contract in force, or the inferred one where none is pinned. Which one is told on stderr.

    [bold]Examples[/bold]

      udb contract show orders > orders.yaml
      udb contract show orders --inferred
    """
    from udb_pipelines import contracts

    (dataset,) = _datasets(name, only_one=True)
    pin = None if inferred else contracts.pinned(session.settings(), dataset)
    document = pin.document if pin else _inferred(dataset)
    if as_json:
        print_json({"dataset": dataset, "pinned": pin is not None, "contract": document.content})
        return
    note(f"{dataset}: {'in force' if pin else 'inferred, not pinned'}")
    sys.stdout.write(document.text)


@app.command("pin")
def pin(name: Name, file: File = None, as_json: Json = False) -> None:
    """Put a contract into force; the inferred one when no file is given. It is kept byte for byte.

    [bold]Examples[/bold]

      udb contract pin orders orders.yaml
      udb contract pin shop                  every table of the source, as inferred
    """
    from udb_pipelines import contracts

    settings, datasets = session.settings(), _datasets(name)
    given = _read(file) if file else None
    chosen = _described(datasets, given) if given else {dataset: _inferred(dataset) for dataset in datasets}
    notes = {dataset: _checked(document, dataset) for dataset, document in chosen.items()}
    changed = {
        dataset: contracts.pin(settings, dataset, document.text.encode()) for dataset, document in chosen.items()
    }
    if as_json:
        told = [
            {"dataset": dataset, "changed": changed[dataset], "notes": [str(each) for each in notes[dataset]]}
            for dataset in chosen
        ]
        print_json(told)
        return
    for dataset in chosen:
        for each in notes[dataset]:
            note(f"note: {dataset}: {each}")
        print_line(f"{dataset}: {'in force from now on' if changed[dataset] else 'already in force, unchanged'}")


@app.command("unpin")
def unpin(name: Name) -> None:
    """Take a contract out of force. Its history stays: udb contract history.

    [bold]Example[/bold]

      udb contract unpin orders
    """
    from udb_pipelines import contracts

    for dataset in _datasets(name):
        was = contracts.unpin(session.settings(), dataset)
        print_line(f"{dataset}: {'no longer in force' if was else 'none was pinned'}")


@app.command("history")
def history(name: Dataset, as_json: Json = False) -> None:
    """List every contract that was pinned for a dataset, newest first, with the file that holds it.

    [bold]Example[/bold]

      udb contract history orders
    """
    from udb_pipelines import contracts

    (dataset,) = _datasets(name, only_one=True)
    entries = contracts.history(session.settings(), dataset)
    if as_json:
        told = [{"pinned_at": entry.pinned_at, "in_force": entry.in_force, "file": entry.path} for entry in entries]
        print_json(told)
        return
    if not entries:
        note(f"No contract was ever pinned for {dataset}.")
        return
    rows = [(moment(entry.pinned_at), "in force" if entry.in_force else "", str(entry.path)) for entry in entries]
    print_table((Column("pinned"), Column("state"), Column("file", wrap=True)), rows)


@app.command("diff")
def diff(name: Dataset, file: File = None, as_json: Json = False) -> None:
    """Compare the contract in force with what the newest data fits, or with a file.

    A difference is breaking when data may come that the contract in force rules out, safe otherwise.

    [bold]Examples[/bold]

      udb contract diff orders
      udb contract diff orders new.yaml      before you pin it
    """
    from udb_pipelines.contracts.differences import differences

    (dataset,) = _datasets(name, only_one=True)
    found = differences(_in_force(dataset).document, _read(file) if file else _inferred(dataset), dataset)
    if as_json:
        told = [{"weight": d.weight, "where": d.where, "what": d.what, "line": d.line} for d in found]
        print_json({"dataset": dataset, "breaking": sum(d.weight == "breaking" for d in found), "differences": told})
    elif not found:
        print_line(f"{dataset}: no difference")
    else:
        columns = (Column("weight", styles=WEIGHT_STYLES), Column("where", wrap=True), Column("what", wrap=True))
        print_table(columns, [(d.weight, d.where, d.what) for d in found])


@app.command("test")
def test(
    name: Dataset,
    file: File = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="VERSION|TIME", help="Check the data as it was then.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The promises that are kept, too.")] = False,
    as_json: Json = False,
) -> int:
    """Check now whether the data keeps the contract in force, or the one in a file. Ends with 4 if it does not.

    Promises about time are checked against this moment. What only warns does not change the exit code.

    [bold]Examples[/bold]

      udb contract test orders
      udb contract test orders new.yaml      would yesterday's data keep it?
      udb contract test orders --as-of 3
    """
    (dataset,) = _datasets(name, only_one=True)
    result = _tested(dataset, file, as_of)
    code = int(Exit.DATA if result.verdict == "FAIL" else Exit.OK)
    if as_json:
        print_json({"dataset": dataset, **result.model_dump(mode="json"), "exit_code": code})
        return code
    shown = [check for check in result.checks if everything or check.status == "broken"]
    if shown:
        _print_checks(shown)
    counts = {
        status: sum(check.status == status for check in result.checks) for status in ("kept", "broken", "not_run")
    }
    not_run = f", {counts['not_run']} not run" if counts["not_run"] else ""
    print_line(f"{dataset}: {result.verdict}, {counts['kept']} promises kept, {counts['broken']} broken{not_run}")
    return code


def _tested(dataset: str, file: Path | None, as_of: str | None) -> ContractResult:
    from datetime import UTC, datetime

    from udb_pipelines import contracts, warehouse
    from udb_pipelines.cli.query import parse_as_of
    from udb_pipelines.contracts.evaluate import verdict

    lake, version = session.lake(), parse_as_of(as_of)
    pin = _given(dataset, file) if file else _in_force(dataset)
    result = contracts.check_version(lake, pin, version, _columns(dataset))
    committed = next((info.committed_at for info in warehouse.datasets(lake, version) if info.dataset == dataset), None)
    timely = contracts.check_freshness(lake, pin, committed, datetime.now(UTC), version)
    asked = {check.rule for check in timely}
    checks = (*(check for check in result.checks if check.rule not in asked), *timely)
    return result.model_copy(update={"checks": checks, "verdict": verdict(checks)})


def _print_checks(checks: list[ContractCheck]) -> None:
    columns = (
        Column("promise", wrap=True),
        Column("says", wrap=True),
        Column("state", styles=STATUS_STYLES),
        Column("severity"),
        Column("found", wrap=True),
        Column("first rows", wrap=True),
    )
    rows = [
        (
            check.rule,
            check.promise,
            check.status.replace("_", " "),
            check.severity.value,
            check.found,
            ", ".join(map(number, check.rows)),
        )
        for check in checks
    ]
    print_table(columns, rows)


# --- what is meant --------------------------------------------------------------------------------------


def _datasets(name: str, *, only_one: bool = False) -> tuple[str, ...]:
    """The datasets that a name means: itself, or those of the source of that name.

    Raises:
        UdbError: ``E_SOURCE_UNKNOWN``; ``E_NAME`` for a source of several where one dataset is needed.
    """
    from udb_pipelines import warehouse

    infos = warehouse.datasets(session.lake())
    if any(info.dataset == name for info in infos):
        return (name,)
    found = tuple(info.dataset for info in infos if info.source == name)
    if not found:
        session.registry().get(name)  # a contract may come before the first data; its source may not
        found = (name,)
    if only_one and len(found) > 1:
        raise UdbError("E_NAME", f"{name} has several datasets", remedy=f"name one of them: {', '.join(found)}")
    return found


def _inferred(dataset: str) -> Document:
    """What the newest published profile fits."""
    from udb_pipelines import publishing, warehouse
    from udb_pipelines.contracts.faults import read
    from udb_pipelines.contracts.infer import FILE_NAME

    source = next((i.source for i in warehouse.datasets(session.lake()) if i.dataset == dataset), None) or dataset
    manifest = publishing.latest(session.settings(), source)
    paths = [artifact.path for artifact in manifest.artifacts] if manifest else []
    if manifest is None or f"{dataset}/{FILE_NAME}" not in paths:
        raise UdbError("E_NO_REPORT", f"no contract of {dataset} is published yet", remedy=f"udb run {source}")
    return read((manifest.folder / dataset / FILE_NAME).read_text(encoding="utf-8"))


def _in_force(dataset: str) -> Pin:
    from udb_pipelines import contracts

    pin = contracts.pinned(session.settings(), dataset)
    if pin is None:
        raise UdbError("E_CONTRACT", f"no contract is pinned for {dataset}", remedy=f"udb contract pin {dataset}")
    return pin


def _read(file: Path) -> Document:
    """A contract from a file, checked against the standard."""
    from udb_pipelines.contracts.faults import read
    from udb_pipelines.contracts.validation import validate

    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        document = read(content.decode("utf-8"))
    except FileNotFoundError:
        raise UdbError("E_NOT_FOUND", f"there is no file {file}") from None
    except UnicodeDecodeError as error:
        raise UdbError("E_CONTRACT", f"byte {error.start} of the file is not UTF-8") from None
    validate(document)
    return document


def _given(dataset: str, file: Path) -> Pin:
    import hashlib

    from udb_pipelines.contracts.store import Pin

    document = _read(file)
    return Pin(dataset, file, document, hashlib.sha256(document.text.encode()).hexdigest())


def _described(datasets: tuple[str, ...], document: Document) -> dict[str, Document]:
    """The datasets that a contract describes, of those that were named."""
    from udb_pipelines.contracts.promises import object_of, objects_of

    if len(datasets) == 1:
        object_of(document, datasets[0])
        return {datasets[0]: document}
    named = {str(part.get(key)) for part in objects_of(document) for key in ("name", "physicalName")}
    found = {dataset: document for dataset in datasets if dataset in named}
    if not found:
        object_of(document, datasets[0])  # says what it describes instead
        raise UdbError("E_CONTRACT", "it describes none of these datasets", remedy=f"name one: {', '.join(datasets)}")
    return found


def _checked(document: Document, dataset: str) -> tuple[Note, ...]:
    """Everything worth knowing before a contract is put into force; what cannot be checked at all is an error."""
    from udb_pipelines.contracts.promises import rules_of
    from udb_pipelines.contracts.rules import Holds, NotRun
    from udb_pipelines.contracts.validation import Note, validate

    columns = _columns(dataset)
    notes = list(validate(document))
    for rule in rules_of(document, dataset, columns):
        if isinstance(rule.question, NotRun) and rule.kind != "freshness":
            notes.append(Note(rule.line, f"{rule.name} is not run: {rule.question.reason}"))
        elif isinstance(rule.question, Holds) and rule.question.instead and columns:
            notes.append(Note(rule.line, f"{rule.name} is broken as the data is: {rule.question.instead}"))
    return tuple(notes)


def _columns(dataset: str) -> tuple[ColumnSchema, ...]:
    """The columns of a dataset with their names in the source; none where there is no data yet."""
    from udb_pipelines import warehouse

    lake = session.lake()
    info = next((info for info in warehouse.datasets(lake) if info.dataset == dataset), None)
    last = warehouse.last_sync(lake, info.source) if info and info.source else None
    return next((version.columns for version in last.datasets if version.dataset == dataset), ()) if last else ()
