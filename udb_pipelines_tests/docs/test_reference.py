"""The documents keep step with the code: every setting, code and command is there, and what they show exists."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from udb_pipelines.cli.app import command
from udb_pipelines.config import Settings, variable_of
from udb_pipelines.errors import CODES, Exit
from udb_pipelines.orchestration import jobs

ROOT = Path(__file__).parents[2]
reference = pytest.importorskip("scripts.reference", reason="needs the repository; this is an installed package")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
GENERATED = reference.pages()


@pytest.mark.parametrize("page", sorted(GENERATED), ids=lambda page: page.name)
def test_generated_pages_are_up_to_date(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == GENERATED[page], "run: make docs"


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"| `{variable_of(name)}` |" not in text] == []


def test_every_code_is_documented() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"| `{code}` |" not in text] == []


def test_every_exit_code_is_documented() -> None:
    assert set(reference.EXITS) == set(Exit)
    assert all(f"\n| {int(code)} | " in (ROOT / "README.md").read_text(encoding="utf-8") for code in Exit)


def test_every_command_and_option_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for path, node in leaves("udb", command()):
        section = text.partition(f"\n## {path}\n")[2].partition("\n## ")[0]
        assert section, path
        missing = [
            flag for option in node.params for flag in option.opts if flag.startswith("--") and flag not in section
        ]
        assert [flag for flag in missing if flag != "--help"] == [], path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_codes_and_variables_in_the_text_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\b[EW]_[A-Z0-9_]+\b", text)) <= set(CODES)
    of_tenants = set(re.findall(r"\bUDB_TENANT_[A-Z]\w*__[A-Z]\w*", text))
    variables = set(re.findall(r"\bUDB_[A-Z_]+[A-Z]\b", text)) - of_tenants
    assert variables <= {variable_of(name) for name in Settings.model_fields}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_udb_commands_in_the_text_exist(page: Path) -> None:
    tree = command()
    # A command may go on in the next line.
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    for line in shown_commands(text):
        node, words = tree, shlex.split(line, comments=True)[1:]
        path = "udb"
        while isinstance(node, click.Group) and words and not words[0].startswith("-"):
            # A group may take what is no command of its own for the argument of its default command.
            implied = getattr(node, "default", None) if words[0] not in node.commands else None
            words = [implied, *words] if implied else words
            path = f"{path} {words[0]}"
            assert words[0] in node.commands, line
            node, words = node.commands[words[0]], words[1:]
        known = {flag for option in node.params for flag in (*option.opts, *option.secondary_opts)}
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= known | {"--help", "-h"}, line


def test_make_targets_in_the_text_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = set(re.findall(r"(?:`|^    )make ([a-z-]+)", text, re.MULTILINE))
        assert shown <= targets, page.name


def test_jobs_sensors_and_schedules_in_the_text_exist(tmp_path: Path) -> None:
    from udb_pipelines.orchestration.build import build_defs

    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    defined = build_defs(Settings(home=tmp_path)).get_repository_def()
    exists = {sensor.name for sensor in defined.sensor_defs} | {schedule.name for schedule in defined.schedule_defs}
    shown = set(re.findall(r"`(\w+_(?:sensor|daily|hourly|nightly|weekly))`", text))
    assert shown == exists
    assert {jobs.PATH_JOB, jobs.MULTIPROCESS_JOB, jobs.CLEANUP_JOB} <= set(re.findall(r"`(\w+)`", text))


def test_dagster_commands_in_the_text_are_commands() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    lines = re.findall(r"^ {4}((?:dagster|dg) .+)$", text, re.MULTILINE)
    assert any("backfill" in line for line in lines)
    for line in lines:
        assert shutil.which(line.split()[0]) or (ROOT / ".venv" / "bin" / line.split()[0]).exists()
        assert jobs.PATH_JOB in line


def leaves(path: str, node: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(node, click.Group):
        yield path, node
        return
    for name, child in node.commands.items():
        yield from leaves(f"{path} {name}", child)


def shown_commands(text: str) -> list[str]:
    """Indented lines, without the explanation beside them, and code spans that call ``udb``."""
    lines = [re.split(r" {2,}", line)[0] for line in re.findall(r"^ {4,}(udb .+)$", text, re.MULTILINE)]
    spans = [span for span in re.findall(r"`(udb [^`]+)`", text) if "..." not in span]
    return [
        line for line in [*lines, *spans] if not re.match(r"udb \S+ +PATH|udb \w+ \w+ [A-Z]+\b|udb \w+ [A-Z]+\b", line)
    ]
