"""The command's manners: help, errors, exit codes, pipes, logs, settings."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import get_args

import click
import pytest

from udb_pipelines.cli.app import EPILOG, command
from udb_pipelines.cli.options import FORMATS
from udb_pipelines.errors import CODES, Exit
from udb_pipelines.models import Format, SourceOptions
from udb_pipelines_tests.cli.conftest import PROGRAM, Udb, environment


def all_commands() -> list[list[str]]:
    def below(node: click.Command, path: list[str]) -> list[list[str]]:
        if not isinstance(node, click.Group):
            return [path]
        return [found for name, sub in node.commands.items() for found in below(sub, [*path, name])]

    return below(command(), [])


@pytest.mark.parametrize("path", all_commands(), ids=" ".join)
def test_every_command_has_help_and_those_with_arguments_an_example(udb: Udb, path: list[str]) -> None:
    shown = udb(*path, "--help")
    assert shown.code == 0
    assert "Usage: udb " + " ".join(path) in shown.out
    if path not in (["sources", "list"], ["snapshot", "list"]):
        assert "Example" in shown.out
        examples = shown.out.split("Example")[1]
        assert re.search(rf"^   (UDB_\w+=\S+ )?udb {' '.join(path)}", examples, re.MULTILINE), (
            "indented, as it was written"
        )


def cpu_seconds(*arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_instant() -> None:
    """Within a small multiple of what the library that prints it takes to load; machines differ, and are busy."""
    library = min(cpu_seconds(sys.executable, "-c", "import typer, rich.console") for _ in range(3))
    assert min(cpu_seconds(*PROGRAM, "--help") for _ in range(3)) < 8 * library


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom udb_pipelines.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'dagster', 'duckdb', 'pandas', 'polars', 'pyarrow', 'pydantic', 'sqlalchemy', 'structlog'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_exit_codes_are_documented_where_people_look(udb: Udb) -> None:
    shown = udb("--help").out
    for code in [*Exit, 130]:
        assert re.search(rf"^\W*{int(code)}\s+\w", EPILOG, re.MULTILINE), code
        assert re.search(rf"^\W*{int(code)}\s+\w", shown, re.MULTILINE), code


def test_every_pin_of_a_source_is_an_option(udb: Udb) -> None:
    shown = subprocess.run([*PROGRAM, "run", "--help"], capture_output=True, text=True, env=environment(COLUMNS="200"))
    renamed = {"null_markers": "null-marker", "primary_key": "key", "tables": "table", "queries": "query"}
    elsewhere = {"keys"}  # udb keys confirm
    for field in SourceOptions.model_fields.keys() - elsewhere:
        assert f"--{renamed.get(field, field.replace('_', '-'))}" in shown.stdout, field
    by_address = {"database", "mongodb", "airbyte", "airbyte_server"}
    assert FORMATS.split(", ") == [name for name in get_args(Format) if name not in by_address]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["rnu", "x.csv"], "run"),
        (["run", "x.csv", "--delimeter", ";"], "--delimiter"),
        (["errors", "E_REJECT"], "E_REJECTS"),
        (["sources", "show", "custmers"], "customers"),
        (["run", "custmers.csv"], "customers.csv"),
        (["history", "custmers"], "customers"),
    ],
)
def test_typing_errors_get_a_suggestion(udb: Udb, customers: Path, arguments: list[str], hint: str) -> None:
    if arguments[0] in ("sources", "history"):
        assert udb("run", customers).code == 0
    done = udb(*arguments)
    assert done.code in (2, 3)
    assert hint in done.err
    assert "Traceback" not in done.err


def test_errors_of_all_kinds_are_json_when_asked(udb: Udb) -> None:
    for arguments in (["sources", "show", "nope"], ["sql", "DROP TABLE x"], ["jobs", "--wrong"], ["history", "nope"]):
        done = udb(*arguments, "--json")
        assert done.code == done.json["exit_code"] == 2
        assert done.json["error"]["message"]
        assert done.json["error"]["remedy"]


@pytest.mark.parametrize(
    ("variable", "value"), [("UDB_MEMORY_LIMIT", "plenty"), ("UDB_MEMROY_LIMIT", "1GB"), ("UDB_THREADS", "0")]
)
def test_a_wrong_setting_stops_with_its_name(
    udb: Udb, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    done = udb("sources", "list")
    assert done.code == 2
    assert "E_CONFIG" in done.err
    assert variable in done.err


def test_settings_are_shown_with_their_origin_and_without_secrets(udb: Udb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UDB_DAGSTER_PG_URL", "postgresql://ann:pl4nted@db/dagster")
    monkeypatch.setenv("UDB_THREADS", "1")
    done = udb("config", "--json")
    rows = {row["variable"]: row for row in done.json}
    assert (rows["UDB_THREADS"]["value"], rows["UDB_THREADS"]["from"]) == ("1", "environment")
    assert rows["UDB_MAX_SPILL_GB"]["from"] == "default"
    assert rows["UDB_DAGSTER_PG_URL"]["value"] == "***"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in rows
    assert "pl4nted" not in done.out + udb("config").out


def test_a_reader_that_has_seen_enough_is_no_error(process: Udb, customers: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"'{PROGRAM[0]}' -c '{PROGRAM[2]}' sql 'FROM range(300000)' --format csv | head -2; "
         "echo ${PIPESTATUS[0]}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "range\n0\n0\n"
    assert "Error" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_piped_run_logs_json_on_stderr_and_nothing_else(process: Udb, customers: Path) -> None:
    done = process("run", customers, "--json")
    assert done.code == 0
    lines = [json.loads(line) for line in done.err.splitlines()]
    (job,) = done.json["jobs"]
    finished = [line["stage"] for line in lines if line["event"] == "stage.finished"]
    assert list(dict.fromkeys(finished)) == ["detect", "provision", "sync", "analyze", "publish"]
    assert {(line["job_id"], line["source"]) for line in lines if line["stage"]} == {(job["job_id"], "customers")}
    assert all({"timestamp", "level", "event", "message"} <= set(line) for line in lines)
    assert "Rome" not in done.err


def test_version_and_no_arguments(udb: Udb) -> None:
    assert re.fullmatch(r"udb \d+\.\d+\.\d+\n", udb("--version").out)
    bare = udb()
    assert bare.code == 2
    assert "First steps" in bare.out


def test_every_code_is_explained(udb: Udb) -> None:
    shown = udb("errors", "--json").json
    assert [entry["code"] for entry in shown] == list(CODES)
    one = udb("errors", "e_rejects")
    assert CODES["E_REJECTS"].remedy in one.out
    assert re.search(r"exit\s+4", one.out)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("csv", 'n,t,d\n1,"a,""b""",2026-01-02\n,,\n'),
        ("jsonl", '{"n":1,"t":"a,\\"b\\"","d":"2026-01-02"}\n{"n":null,"t":null,"d":null}\n'),
        ("table", '   n  t      d\n   1  a,"b"  2026-01-02\nNULL  NULL   NULL\n'),
    ],
)
def test_answers_in_every_format(udb: Udb, shape: str, expected: str) -> None:
    query = """SELECT * FROM (VALUES (1, 'a,"b"', DATE '2026-01-02'), (NULL, NULL, NULL)) v(n, t, d)"""
    assert udb("sql", query, "--format", shape).out == expected


def test_json_answers_parse_whatever_is_in_them(udb: Udb) -> None:
    query = "SELECT 1.50::DECIMAL(5,2) AS m, [1, 2] AS l, {'a': DATE '2026-01-02'} AS s, 'x'::BLOB AS b, 'é' AS t"
    assert udb("sql", query, "--json").json == [{"m": 1.5, "l": [1, 2], "s": {"a": "2026-01-02"}, "b": "78", "t": "é"}]
    assert udb("sql", "SELECT 1 AS x WHERE false", "--json").json == []


@pytest.mark.parametrize(
    ("value", "csv", "json_value"),
    [
        ("''", '""', ""),
        ("NULL::VARCHAR", "", None),
        ("'a b'", "a b", "a b"),
        ("E'two\\nlines'", '"two\nlines"', "two\nlines"),
        ("'say \"so\"'", '"say ""so"""', 'say "so"'),
        ("true", "true", True),
        ("TIMESTAMP '2026-01-02 03:04:05'", "2026-01-02 03:04:05", "2026-01-02T03:04:05"),
        ("TIMESTAMPTZ '2026-01-02 03:04:05+02'", "2026-01-02 01:04:05+00", "2026-01-02T01:04:05+00:00"),
        ("'nan'::DOUBLE", "nan", None),
        ("[1, NULL]", '"[1,null]"', [1, None]),
        ("{'a': 'x,y'}", '"{""a"":""x,y""}"', {"a": "x,y"}),
        ("MAP {'k': 1}", '"{""k"":1}"', {"k": 1}),
        ("170141183460469231731687303715884105727::HUGEINT", str(2**127 - 1), 2**127 - 1),
    ],
)
def test_every_kind_of_value_in_csv_and_json(udb: Udb, value: str, csv: str, json_value: object) -> None:
    query = f'SELECT {value} AS "a,b", 1 AS x, 2 AS x'
    assert udb("sql", query, "--format", "csv").out == f'"a,b",x,x\n{csv},1,2\n'
    shown = udb("sql", query, "--json").json
    assert shown[0]["a,b"] == json_value


@pytest.mark.parametrize(
    "statement", ["SHOW TABLES", "DESCRIBE SELECT 1", "SELECT 2 AS b ORDER BY b -- last", "VALUES (1)"]
)
def test_every_reading_statement_prints_in_every_format(udb: Udb, statement: str) -> None:
    for shape in ("csv", "json", "jsonl", "table"):
        assert udb("sql", statement, "--format", shape).code == 0


def test_a_limit_is_kept_and_told(udb: Udb) -> None:
    done = udb("sql", "FROM range(10)", "--limit", "3", "--format", "csv")
    assert done.out.count("\n") == 4
    assert "only the first 3 rows" in done.err
    exact = udb("sql", "FROM range(3)", "--limit", "3", "--format", "csv")
    assert "only the first" not in exact.err


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", "-1"])
def test_a_moment_that_is_none_is_refused(udb: Udb, moment: str) -> None:
    done = udb("sql", "SELECT 1", f"--as-of={moment}")
    assert (done.code, "E_VERSION" in done.err) == (2, True)


def test_arguments_are_explained_too(udb: Udb) -> None:
    assert "names of known sources" in " ".join(udb("run", "--help").out.split())
