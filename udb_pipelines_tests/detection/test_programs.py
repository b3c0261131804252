"""Programs, settings, mails and statements are no tables, whatever their extension says."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines.detection import programs
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.detection.conftest import Detect

TEXTS = {
    "SQL rows": "".join(f"INSERT INTO t VALUES ({n}, 'a{n}', {n * 2});\n" for n in range(30)),
    "SQL tuples": "(1, 'a', 2.0),\n(2, 'b', 3.0),\n(3, 'c', 4.0);\n",
    "SQL query": "SELECT a, b, c\nFROM t, u, v\nWHERE a = 1, b = 2\n",
    "SQL tables": "-- dump\nCREATE TABLE a (\n  id int,\n  name text,\n  x numeric(10,2)\n);\n",
    "YAML": "orders:\n  id:\n    example: 1\n    required: true\n  note:\n    example: a, b\n    required: false\n",
    "YAML list": "- name: a\n  age: 3\n- name: b\n  age: 4\n- name: c\n  age: 5\n",
    "INI": "[db]\nhost=a\nport=1\n[x]\nq = 1,2\n",
    "Python": Path(programs.__file__).read_text(encoding="utf-8"),
    "JavaScript": "const a = require('a');\nfunction f(x, y) {\n  return x + y;\n}\nmodule.exports = { f };\n",
    "C": '#include <stdio.h>\nint main(int argc, char **argv) {\n  printf("%d, %s", 1, "a");\n  return 0;\n}\n',
    "R": "library(dplyr)\nx <- c(1, 2, 3)\ny <- c(4, 5, 6)\nplot(x, y)\n",
    "container": 'FROM python:3.11\nRUN apt-get update\nCOPY . /app\nWORKDIR /app\nCMD ["python", "a.py"]\n',
    "calendar": "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:Hi, there\nEND:VEVENT\nEND:VCALENDAR\n",
    "mail": "From: a@b.c\nTo: d@e.f\nSubject: hi, there\n\nHello, Ann,\nplease, send, it.\nBye, Bob\n",
    "sequences": ">seq1\nACGTACGT\nACGT\n>seq2\nGGCC\n",
}


@pytest.mark.parametrize("suffix", [".csv", ".txt"])
@pytest.mark.parametrize("kind", TEXTS)
def test_they_are_refused(detected: Detect, kind: str, suffix: str) -> None:
    with pytest.raises(UdbError) as caught:
        detected(f"a{suffix}", text=TEXTS[kind])
    assert caught.value.code in ("E_NOT_A_TABLE", "E_DIALECT")
    assert caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "import,from,class\n1,2,3\n4,5,6\n",
        "select,update\n1,2\n3,4\n",
        "statement,n\nSELECT a FROM b;,1\nDELETE FROM c;,2\nUPDATE d SET e;,3\n",
        "code,lines\nreturn x,1\nimport y,2\ndef z,3\nclass A,4\n",
        "key: value,n\na: 1,2\nb: 2,3\n",
    ],
)
def test_tables_about_them_are_tables(detected: Detect, text: str) -> None:
    assert len(detected("a.csv", text=text).streams[0].columns) == text.splitlines()[0].count(",") + 1
