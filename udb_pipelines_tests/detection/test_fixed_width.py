"""Columns of fixed width: found by what stays blank, by rulers, or named; delimited text stays delimited."""

from __future__ import annotations

import pytest

from udb_pipelines.detection.fixedwidth import cut, find_fixed_width, straddles
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream
from udb_pipelines_tests.detection.conftest import Detect

SAS = """                        The SAS System

Obs    Name       Sex    Age    Height    Weight

  1    Alfred      M      14     69.0      112.5
  2    Alice       F      13     56.5       84.0
  3    Barbara     F      13     65.3       98.0
  4    Carol       F      14     62.8      102.5
"""
RULED = """id   name       amount
---- ---------- -------
1    ann lee      12.50
2    bob         100.00

(2 rows affected)
"""
DISKS = """Filesystem      Size  Used Avail Use% Mounted on
devtmpfs         12G     0   12G   0% /dev
tmpfs            24G  2.2M   24G   1% /dev/shm
/dev/vda1       252G   20G   72G  22% /
/dev/vdb        1.0T  100G  900G  10% /srv/with blanks/in it
"""
PROSE = """This is a text.  It has two blanks after each sentence.  Nobody knows why.
Another line of the text is here.  It goes on and on.  And ends.
The third line has other words.  They are not aligned at all, are they.
A fourth one to be sure.  Really it should not be taken for a table.
"""


def stream(detected: Detect, text: str, **options: object) -> DetectedStream:
    return detected("a.txt", text=text, **options).streams[0]


def names(found: DetectedStream) -> list[str]:
    return [column.original_name or column.name for column in found.columns]


def codes(found: DetectedStream) -> set[str]:
    return {finding.code for finding in found.findings}


def test_a_listing_under_a_title(detected: Detect) -> None:
    found = stream(detected, SAS)
    assert (found.format, found.row_estimate) == ("fixed_width", 4)
    assert names(found) == ["Obs", "Name", "Sex", "Age", "Height", "Weight"]
    assert found.dialect is not None
    assert (found.dialect.skip_rows, found.dialect.header_rows) == (2, 1)
    assert codes(found) == {"W_PREAMBLE"}
    assert found.candidates[0].format == "fixed_width"
    assert found.candidates[0].evidence[0].what == "5 places part the lines all the way down"


def test_a_line_of_dashes_says_where_columns_begin(detected: Detect) -> None:
    found = stream(detected, RULED)
    assert (found.format, found.row_estimate, names(found)) == ("fixed_width", 2, ["id", "name", "amount"])
    assert found.dialect is not None
    assert found.dialect.footer_rows == 1
    assert "dashes" in found.candidates[0].evidence[0].what


def test_a_name_of_two_words_is_one_column(detected: Detect) -> None:
    found = stream(detected, DISKS)
    assert names(found) == ["Filesystem", "Size", "Used", "Avail", "Use%", "Mounted on"]


@pytest.mark.parametrize(
    "text",
    [
        "id,name,   city\n1,ann,    Rome\n2,bob,    Bonn\n3,eve,    Ulm\n",
        "id | name  | n\n1  | ann   | 3\n2  | bob   | 4\n33 | eve   | 5\n",
        "a 1 2024-01-01\nb 2 2024-01-02\nc 3 2024-01-03\nd 4 2024-01-04\n",
        "id\tname\n1\tann  lee\n2\tbob  ray\n",
    ],
)
def test_delimited_text_stays_delimited(detected: Detect, text: str) -> None:
    assert stream(detected, text).format == "delimited"


def test_prose_has_no_columns(detected: Detect) -> None:
    assert find_fixed_width(PROSE.splitlines()) is None
    with pytest.raises(UdbError) as caught:
        detected("a.txt", text=PROSE, format="fixed_width")
    assert caught.value.code == "E_NOT_A_TABLE"
    assert "--widths" in (caught.value.remedy or "")


def test_widths_can_be_named(detected: Detect) -> None:
    records = "0001ann  20240131\n0002bob  20240201\n"
    found = stream(detected, records, widths=(4, 5, 8))
    assert found.dialect is not None
    assert found.dialect.spans == ((0, 4), (4, 9), (9, 17))
    assert (found.format, found.row_estimate, codes(found)) == ("fixed_width", 2, {"W_HEADER_GUESSED"})
    assert found.candidates[0].evidence[0].what == "the widths were given"


def test_widths_are_positive(detected: Detect) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        detected("a.txt", text="ab\n", widths=(0,))


def test_cutting() -> None:
    spans = ((0, 4), (8, 12), (14, None))
    assert cut("ann     1234  x y", spans) == ("ann", "1234", "x y")
    assert cut("annabel 1234  x", spans) == ("annabel", "1234", "x")
    assert cut("ann   991234  x", spans) == ("ann", "991234", "x")
    assert cut("ann", spans) == ("ann", "", "")
    assert not straddles("annabel 1234  x", spans)
    assert straddles("annabelle1234 x", spans)
    assert straddles("ann a b 1 2  3", ((0, 3), (8, 9), (10, 11)))
