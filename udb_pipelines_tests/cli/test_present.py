"""What a person sees: tables that fit, paths that can be clicked."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines.cli import present
from udb_pipelines.cli.present import Column, print_paths, print_table

JOB = "7644b29f-5681-49e3-9705-903d4292a86e"
NAME = "a_rather_long_name_of_a_file_of_visits"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(present, "on_terminal", lambda: True)
    return monkeypatch


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_figures_are_never_cut_off_whatever_the_width(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    terminal.setenv("COLUMNS", str(columns))
    layout = (Column("source", wrap=True), Column("rows", "right"), Column("verdict"), Column("job", key=True))
    print_table(layout, [(NAME, "1,234,567", "E_NOT_FOUND", JOB)])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns
    assert "1,234,567" in shown
    assert "E_NOT_FOUND" in shown
    assert "…" not in shown
    assert (JOB in shown) == (columns >= 120), "whole where there is room"
    assert JOB[:8] in shown


def test_paths_are_short_links_on_a_terminal_and_plain_text_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    report = tmp_path / "home" / "a report.html"
    print_paths("report", [report])
    assert capsys.readouterr().out == "report  home/a report.html\n"
    monkeypatch.setattr(present, "on_terminal", lambda: True)
    print_paths("report", [report])
    assert f"\x1b]8;;{report.as_uri()}\x1b\\home/a report.html\x1b]8;;\x1b\\" in capsys.readouterr().out
    monkeypatch.setattr(present, "on_terminal", lambda: False)
    print_paths("report", [Path("/r.html")])
    assert capsys.readouterr().out == "report  /r.html\n"
