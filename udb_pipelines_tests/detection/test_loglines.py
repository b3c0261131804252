"""Plain text logs: the layout of the lines is found, and what is no log is left alone."""

from __future__ import annotations

import re

import duckdb
import pytest

from udb_pipelines.detection.loglines import LAYOUTS, find_log
from udb_pipelines.engine import quote_literal
from udb_pipelines_tests.detection.conftest import Detect

LINES = [
    ("access", '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326',
     {"host": "127.0.0.1", "user": "frank", "method": "GET", "path": "/a.gif", "status": "200", "bytes": "2326"}),
    ("access", '::1 - - [10/Oct/2000:13:55:36 +0000] "\\x16\\x03" 400 - "-" "Mozilla/5.0 (\\"q\\")"',
     {"host": "::1", "request": "\\x16\\x03", "agent": 'Mozilla/5.0 (\\"q\\")'}),
    ("syslog_5424", '<165>1 2003-10-11T22:14:15.003Z m evntslog - ID47 [x@1 iut="3" a="App]"] An event',
     {"priority": "165", "program": "evntslog", "data": '[x@1 iut="3" a="App]"]', "message": "An event"}),
    ("syslog", "Jan 12 10:00:01 web-1 sshd[123]: session opened", {"host": "web-1", "program": "sshd", "pid": "123"}),
    ("syslog", "<34>Oct  1 22:14:15 mymachine su: failed", {"priority": "34", "timestamp": "Oct  1 22:14:15"}),
    ("syslog_iso", "2024-01-01T12:00:00.123456+01:00 host systemd[1]: Started it.", {"program": "systemd"}),
    ("dashed", "2024-01-01 12:00:00,123 - shop.orders - INFO - paid", {"logger": "shop.orders", "message": "paid"}),
    ("levelled", "2024-01-01 12:00:00,123 INFO shop.orders: paid", {"level": "INFO", "logger": "shop.orders"}),
    ("levelled", "2024-01-01T12:00:00.123Z [WARN] com.foo.Bar - paid", {"level": "WARN", "logger": "com.foo.Bar"}),
    ("levelled", "2024-01-01 12:00:00.123 UTC [1234] LOG:  checkpoint", {"context": "[1234]", "level": "LOG"}),
    ("levelled", "[Wed Oct 11 14:32:52 2000] [error] [client 1.2.3.4] no", {"level": "error", "message": "no"}),
    ("level_first", "ERROR 2024-01-01 12:00:00 it broke", {"level": "ERROR", "message": "it broke"}),
    ("stamped", "2024-01-01 12:00:00 it works again", {"message": "it works again"}),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "line", "parts"), LINES)
def test_usual_layouts(layout: str, line: str, parts: dict[str, str]) -> None:
    found = find_log([line] * 3)
    assert found is not None
    assert found.layout.name == layout
    match = re.match(found.layout.pattern, line)
    assert match is not None
    assert {name: match[name] for name in parts} == parts
    names = ", ".join(map(quote_literal, match.groupdict()))
    (same,) = duckdb.sql(
        f"SELECT regexp_extract({quote_literal(line)}, {quote_literal(found.layout.pattern)}, [{names}])"
    ).fetchall()
    assert same[0] == {name: value or "" for name, value in match.groupdict().items()}


def test_layouts_have_names_of_their_own() -> None:
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)


def test_keys_and_values() -> None:
    found = find_log(['level=info msg="hello \\"you\\"" n=1', "level=warn msg=bye", "level=info err=x n=2"])
    assert found is not None
    assert (found.layout.name, found.columns) == ("logfmt", ("level", "msg", "n", "err", "line"))


@pytest.mark.parametrize(
    "text",
    [
        "time,level,text\n2024-01-01 12:00:00,INFO,a b\n2024-01-01 12:00:01,WARN,c d\n",
        "2024-01-01 12:00:00,INFO,a\n2024-01-01 12:00:01,WARN,c\n2024-01-01 12:00:02,WARN,d\n",
        "2024-01-01 12:00:00\n2024-01-01 12:00:01\n2024-01-01 12:00:02\n",
        "a=1\nb=2\nc=3\nd=4\n",
        "day\tevent\n2024-01-01 12:00:00\tstart it\n2024-01-02 12:00:00\tend it\n",
        "2024-01-01 12:00:00|1.5|x\n2024-01-01 12:00:01|2.5|y\n2024-01-01 12:00:02|3.5|z\n",
    ],
)
def test_tables_with_moments_are_no_logs(detected: Detect, text: str) -> None:
    assert detected("a.csv", text=text).streams[0].format == "delimited"


def test_a_log_is_found_and_told_why(detected: Detect) -> None:
    stream = detected("app.log", text="".join(f"2024-01-01 12:00:0{i},5 INFO it is {i}\n" for i in range(9))).streams[0]
    assert (stream.name, stream.format, stream.records, stream.row_estimate) == ("app", "log", "levelled", 9)
    assert [column.name for column in stream.columns][:3] == ["timestamp", "context", "level"]
    assert stream.candidates[0].evidence[0].what == "100% of the sampled lines are timestamp, level, message"
