"""``udb retention``: what may go, and legal holds on what may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, moment, note, number, print_json, print_line, print_table
from udb_pipelines.errors import Exit, UdbError
from udb_pipelines.wording import counted, size

if TYPE_CHECKING:
    from udb_pipelines.models import Hold
    from udb_pipelines.warehouse.retention import RetentionPlan

app = typer.Typer(
    help="What may go by age, number and room: plan, apply, legal holds.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
hold_app = typer.Typer(
    help="Legal holds: what must stay whatever its age.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(hold_app, name="hold")

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
HoldName = Annotated[str, typer.Argument(metavar="NAME", help="A source, or a dataset.")]


@app.command("plan")
def plan(as_json: Json = False) -> None:
    """Show what a clean-up would do now, and why. Changes nothing.

    [bold]Example[/bold]

      udb retention plan
    """
    _show(_planned(), as_json)


@app.command("apply")
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    as_json: Json = False,
) -> int:
    """Clean up now, as the sensor and the nightly schedule do. Every removal is written to retention.jsonl.

    An archive that is down delays what is to go there, and nothing else; the command ends with 5 then.

    [bold]Examples[/bold]

      udb retention apply --dry-run
      udb retention apply
    """
    from udb_pipelines.warehouse import retention

    planned = _planned()
    if dry_run:
        _show(planned, as_json)
        return int(Exit.OK)
    removed = retention.apply(session.lake(), planned)
    code = int(Exit.ENVIRONMENT if removed.delayed else Exit.OK)
    if as_json:
        print_json(removed.model_dump(mode="json"))
        return code
    fewer = sum(removed.merged.values())
    print_line(
        f"{counted(len(removed.items), 'thing')} removed or packed, {size(removed.bytes)} freed; "
        f"{counted(len(removed.versions), 'version')} let go; {counted(fewer, 'file')} fewer by merging"
    )
    if removed.problem:
        note(removed.problem)
    return code


def _last_moment(text: str) -> datetime:
    """The time that is meant; of a day its last second, for who holds something until a day means the whole of it.

    >>> print(_last_moment("2030-12-31"), _last_moment("20301231"), _last_moment("2030-12-31T18:00"), sep=", ")
    2030-12-31 23:59:59+00:00, 2030-12-31 23:59:59+00:00, 2030-12-31 18:00:00+00:00
    """
    with suppress(ValueError):
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a day, such as 2030-12-31, nor a time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@hold_app.command("add")
def add(
    name: HoldName,
    until: Annotated[
        datetime | None,
        typer.Option(
            "--until",
            parser=_last_moment,
            metavar="DAY|TIME",
            help="The last day, to its end, or a time; UTC. For ever when absent.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever finds it.")] = "",
) -> None:
    """Keep every artifact, reject and version of a source or dataset. Adding again moves the end.

    [bold]Example[/bold]

      udb retention hold add orders --until 2030-12-31 --reason "case 4711"
    """
    from udb_pipelines.control.holds import HoldRegistry
    from udb_pipelines.models import Hold

    now = datetime.now(UTC)
    if until and until <= now:
        raise UdbError("E_OPTION", "--until: that time is over", remedy="name a time to come, or leave --until out")
    _must_be_known(name)
    HoldRegistry(session.settings()).add(Hold(name=name, until=until, reason=reason, created_at=now))
    note(f"{name} is held {f'until {moment(until)}' if until else 'until the hold is removed'}.")


@hold_app.command("list")
def list_holds(as_json: Json = False) -> None:
    """List the holds; one whose end is over holds nothing any more.

    [bold]Example[/bold]

      udb retention hold list
    """
    from udb_pipelines.control.holds import HoldRegistry

    holds = HoldRegistry(session.settings()).list()
    if as_json:
        print_json([hold.model_dump(mode="json") for hold in holds])
        return
    if not holds:
        note("Nothing is held. Hold something with: udb retention hold add NAME")
        return
    columns = (Column("held", wrap=True), Column("until"), Column("since"), Column("reason", wrap=True))
    print_table(columns, [(hold.name, _until(hold), moment(hold.created_at), hold.reason) for hold in holds])


@hold_app.command("remove")
def remove(name: HoldName) -> None:
    """End a hold: from now on, age decides again.

    [bold]Example[/bold]

      udb retention hold remove orders
    """
    from udb_pipelines.control.holds import HoldRegistry

    HoldRegistry(session.settings()).remove(name)
    note(f"{name} is no longer held.")


def _must_be_known(name: str) -> None:
    """A hold on a name with a typing error in it would hold nothing."""
    import difflib

    from udb_pipelines import warehouse

    known = {source.name for source in session.registry().list()}
    known |= {info.dataset for info in warehouse.datasets(session.lake())}
    if name not in known and not warehouse.history(session.lake(), name):
        close = difflib.get_close_matches(name, known, n=2)
        hint = f"did you mean {' or '.join(close)}?" if close else "udb sources list shows the sources"
        raise UdbError("E_HOLD", f"there is no source or dataset {name}", remedy=hint)


def _until(hold: Hold) -> str:
    if hold.until is None:
        return "for ever"
    return moment(hold.until) if hold.until > datetime.now(UTC) else f"{moment(hold.until)} (over)"


def _planned() -> RetentionPlan:
    from udb_pipelines.control.holds import rules_of
    from udb_pipelines.warehouse import retention

    settings = session.settings()
    return retention.plan(settings, session.lake(), rules_of(settings))


def _show(planned: RetentionPlan, as_json: bool) -> None:
    if as_json:
        print_json(planned.model_dump(mode="json"))
        return
    if planned.is_empty:
        note("Nothing to do: everything is needed, or young enough.")
        return
    columns = (Column("what"), Column("which", wrap=True), Column("why", wrap=True), Column("frees", "right"))
    print_table(columns, list(_rows(planned)))
    note(f"{size(planned.bytes)} would be freed. Do it with: udb retention apply")


def _rows(planned: RetentionPlan) -> Iterator[tuple[str, str, str, str]]:
    home = session.settings().tenant_home
    for item in (*planned.items, *planned.files):
        shown = item.path.relative_to(home) if item.path.is_relative_to(home) else item.path
        yield (item.action, str(shown), item.reason, size(item.bytes))
    for version in planned.versions:
        yield ("let go", f"version {version.version}", f"history thins out ({moment(version.committed_at)})", "later")
    for merge in planned.merges:
        yield ("merge", merge.dataset, f"{number(merge.files)} small files, {size(merge.bytes)}", "later")
