"""Files that no rule was made for, judged by hand: what is right, or at least told."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream
from udb_pipelines_tests.connectors.sources import read_detected, rows
from udb_pipelines_tests.detection.conftest import Detect


def names(stream: DetectedStream) -> list[str]:
    return [column.original_name or column.name for column in stream.columns]


MARKDOWN = "| id | name | price |\n|----|:----:|------:|\n| 1 | apple | 1.20 |\n| 2 | pear | 0.80 |\n"
PSQL = " id |  name  | price \n----+--------+-------\n  1 | apple  |  1.20\n  2 | pear   |  0.80\n(2 rows)\n\n"
MYSQL = (
    "+----+-------+-------+\n| id | name  | price |\n+----+-------+-------+\n|  1 | apple |  1.20 |\n"
    "|  2 | pear  |  0.80 |\n+----+-------+-------+\n2 rows in set (0.00 sec)\n"
)


@pytest.mark.parametrize("text", [MARKDOWN, PSQL, MYSQL])
def test_tables_with_borders(settings: Settings, tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    dataset = read_detected(settings, path).datasets[0]
    kept = [index for index, column in enumerate(dataset.columns) if not column.name.startswith("column_")]
    found = [[str(row[index]) for index in kept] for row in rows(dataset)]
    assert found == [["1", "apple", "1.20"], ["2", "pear", "0.80"]]


LOADED = {
    "quoted decimals": ('"Name","Betrag"\n"Müller","1.234,56"\n"Maier","12,00"\n', ["Name", "Betrag"], 2),
    "semicolons": ("name;betrag;menge\nA;1,5;3\nB;22,75;4\nC;0,10;5\n", ["name", "betrag", "menge"], 3),
    "JSON in TSV": ('id\tp\n1\t{"a": 1, "b": [1,2]}\n2\t{"a": 2}\n3\t{"b": ["x, y"]}\n', ["id", "p"], 3),
    "JSON in CSV": ('id,tags,n\n1,"[""a"",""b""]",3\n2,"[]",4\n', ["id", "tags", "n"], 2),
    "units": ("time,speed,mass\ns,m/s,kg\n0,1.5,3\n1,2.5,3\n2,3.5,3\n", ["time", "speed", "mass"], 3),
    "header of groups": (",2023,,2024,\nregion,q1,q2,q1,q2\nnorth,1,2,3,4\nsouth,5,6,7,8\n",
                         ["region", "2023 q1", "2023 q2", "2024 q1", "2024 q2"], 2),
    "unit separators": ("id\x1fname\x1fx\n1\x1fann\x1f2\n2\x1fbob\x1f3\n", ["id", "name", "x"], 2),
    "named by a comment": ("##format=4\n##INFO=<ID=D,Text=\"a, b\">\n#CHROM\tPOS\tREF\n1\t100\tA\n1\t200\tG\n",
                           ["CHROM", "POS", "REF"], 2),
    "note with a comma": ("a,b\n1,2\n3,4\n5,6\n\n* preliminary figures, may change\n", ["a", "b"], 3),
    "sentence above": ("Sales of the branch\nSource: warehouse, all items\nitem,stock\nx 1,4\ny 2,5\nz 3,6\n",
                       ["item", "stock"], 3),
    "emails": ("email\nann@x.org\nbob@y.org\neve@z.org\n", ["email"], 3),
    "words": ("apple\npear\nplum\nkiwi\n", ["apple"], 3),
    "header only": ('"id","name"\n', ["id", "name"], 0),
    "emoji": ("id,mood\n1,😀\n2,👍🏽\n3,🇩🇪\n", ["id", "mood"], 3),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOADED)
def test_these_load_as_meant(settings: Settings, tmp_path: Path, detected: Detect, kind: str) -> None:
    text, header, count = LOADED[kind]
    assert names(detected("a.csv", text=text).streams[0]) == header
    dataset = read_detected(settings, tmp_path / "a.csv", allow_empty=True).datasets[0]
    assert (dataset.rows_staged, dataset.rows_rejected) == (count, 0)


TOLD = {
    "decimal commas": ("1,5\n2,7\n3,1\n12,4\n", "decimal comma", 4),
    "addresses": ("name,address\nAnn,1 Main St, Ulm\nBob,2 Oak Ave, Bonn\nEve,3 Elm, Rome\n", "fewer names", 3),
    "moments": ("id,when,n\n1,Jan 5, 2024,3\n2,Feb 6, 2024,4\n3,Mar 7, 2024,5\n", "fewer names", 3),
    "single quotes": ("id,'na,me',x\n1,'a,b',2\n2,'c,d',3\n", "explains almost as much", 2),
}


@pytest.mark.parametrize("kind", TOLD)
def test_these_are_doubtful_and_told(detected: Detect, kind: str) -> None:
    text, words, count = TOLD[kind]
    stream = detected("a.csv", text=text).streams[0]
    assert any(words in found.message for found in stream.findings if found.code == "W_DIALECT_AMBIGUOUS")
    assert stream.row_estimate == count


REFUSED = {
    "a.html": "<table><tr><th>id</th></tr><tr><td>1</td></tr><tr><td>2</td></tr></table>",
    "a.eml": "From: a@b.c\nTo: d@e.f\nSubject: hi, there\nDate: Mon, 1 Jan 2024\n\nHello, this is it.\nBye, Ann\n",
    "a.diff": "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a, b\n+a, c\n",
    "a.bib": "@article{a,\n  title={X},\n  year={2020}\n}\n@book{b,\n title={Y}\n}\n",
    "a.txt": "The cat sat.\nA dog ran.\nBirds, too, fly.\n",
    "a.rtf": r"{\rtf1\ansi id,name\par 1,ann\par}",
    "crontab": "# m h dom mon dow command\n0 5 * * 1 tar -zcf /var/home.tgz /home/\n*/5 * * * * /usr/bin/check --all\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_these_are_no_tables(detected: Detect, name: str) -> None:
    with pytest.raises(UdbError) as caught:
        detected(name, text=REFUSED[name])
    assert caught.value.code in ("E_NOT_A_TABLE", "E_DIALECT")
    assert caught.value.remedy


def test_mixed_encodings_are_told(detected: Detect) -> None:
    data = "id,name\n1,Zoë\n".encode() + "2,José\n".encode("latin-1") + b"3,Max\n"
    told = [item.message for item in detected("a.csv", data=data).streams[0].findings]
    assert any("encodings may be mixed" in message for message in told)


def test_a_guessed_encoding_names_the_runner_up(detected: Detect) -> None:
    text = "id;name\n1;se\u0144or\n2;na\u00efve\n".encode("cp1250", "replace") + "3;Übung Größe\n".encode("cp1252")
    told = [item for item in detected("a.csv", data=text).streams[0].findings if item.code == "W_ENCODING_GUESSED"]
    assert "is possible too" in told[0].message
