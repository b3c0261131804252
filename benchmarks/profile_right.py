"""How often the profiler is right: types against hand labels, personal data among look-alikes, errors by the cell."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from faker import Faker

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect, quote_literal
from udb_pipelines.models import Profile
from udb_pipelines.profiling import profile_table
from udb_pipelines.profiling.column import facts_and_parts
from udb_pipelines.profiling.near_dependencies import judged, odd_rows
from udb_pipelines.profiling.session import Session
from udb_pipelines.profiling.storage import Column
from udb_pipelines_tests.profiling.semantics.labelled import Labelled, columns, side_by_side

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
SEEDS = (1, 2, 3)
"""The labelled columns are generated anew with each; the tests use the first."""

OTHERS = (
    "nl_NL", "sv_SE", "pt_BR", "cs_CZ", "da_DK", "en_CA", "en_AU", "no_NO", "fi_FI", "hu_HU", "ro_RO", "de_CH", "fr_CA",
    "es_MX", "de_AT", "sk_SK", "tr_TR", "es_AR", "ru_RU", "el_GR", "en_IN", "ja_JP", "lv_LV", "id_ID",
)  # fmt: skip
"""Locales that rules were made on."""
NEARER = (
    "sl_SI", "hr_HR", "uk_UA", "lt_LT", "es_CO", "pt_PT", "fr_BE", "en_NZ", "et_EE", "en_IE", "bg_BG", "ko_KR",
)  # fmt: skip
"""Locales that were scored once before anybody looked at them."""
UNSEEN = (
    "fr_CH", "nl_BE", "es_CL", "az_AZ", "zh_CN", "vi_VN", "is_IS", "mk_MK", "ka_GE", "en_PK", "ne_NP", "sq_AL",
)  # fmt: skip
"""Locales whose values nobody has looked at: rules for their languages were added after a first score on them."""
FRESH = (
    "ar_AA", "fa_IR", "he_IL", "hy_AM", "hi_IN", "th_TH", "bn_BD", "ta_IN", "zh_TW", "en_NG", "uz_UZ", "ga_IE",
)  # fmt: skip
"""Locales that nobody has looked at: scored once, after the last rule was made."""

MEMORY = 1e9
"""Bytes that a query may take, as far as grouping goes; the tables here are small."""

Lines = Iterator[str]
Kind = str

NUMBER, MOMENT, TEXT = "number", "date", "text"
LABELS = {
    "integer": NUMBER, "float": NUMBER, "date": MOMENT, "date-non-std": MOMENT, "string": TEXT, "boolean": TEXT,
    "gender": TEXT, "all identical": TEXT,
}  # fmt: skip
"""What the hand labels say, in the three kinds that every contender can tell."""
TYPES = {"numeric": NUMBER, "money": NUMBER, "date": MOMENT}


def types() -> Lines:
    """Three messy public tables with a label per column; missing values are words such as NA and ``?``."""
    folder = CORPORA / "types"
    yield "\n## Types, against hand labels\n"
    if not folder.is_dir():
        yield f"Left out: {folder} is not there."
        return
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    contenders: dict[str, Callable[[Path, bool], list[Kind | None]]] = {
        "UDB": _ours, "DuckDB's sniffer": _duckdb, "pandas": _pandas, "UDB, told the missing values": _ours_told,
    }  # fmt: skip
    yield (
        "Number, date or text, of the columns that have a value. In the last row the words for missing values that the "
        "profile suggests (`W_NULL_MARKER`) are declared: the second run of a user who reads the first."
    )
    yield ""
    yield f"|  | {' | '.join(sorted(labels))} | all |"
    yield f"|---|{'--:|' * (len(labels) + 1)}"
    for name, find in contenders.items():
        right, seen = Counter[str](), Counter[str]()
        for table in sorted(labels):
            found = find(folder / f"{table}.csv", table != "auto")
            for kind, label in zip(found, labels[table], strict=True):
                if kind is not None:
                    seen[table] += 1
                    right[table] += kind == LABELS[label]
        cells = [f"{right[table]} of {seen[table]}" for table in sorted(labels)]
        yield f"| {name} | {' | '.join(cells)} | {100 * right.total() / seen.total():.1f} % |"


def _profile(sql: str) -> Profile:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        with closing(connect(settings)) as connection:
            return profile_table(connection, sql, settings)


def _read(path: Path, header: bool, told: Collection[str] = ()) -> str:
    nulls = ", ".join(map(quote_literal, ("", *sorted(told))))
    return f"read_csv({quote_literal(path)}, all_varchar=true, header={header}, nullstr=[{nulls}])"


def _ours(path: Path, header: bool, told: Collection[str] = ()) -> list[Kind | None]:
    profile = _profile(_read(path, header, told))
    return [None if column.type == "unknown" else TYPES.get(column.type, TEXT) for column in profile.columns]


def _ours_told(path: Path, header: bool) -> list[Kind | None]:
    return _ours(path, header, ("?", "NA", "-", "N/A"))


def _duckdb(path: Path, header: bool) -> list[Kind | None]:
    rows = duckdb.sql(f"DESCRIBE FROM read_csv({quote_literal(path)}, header={header})").fetchall()
    return _unless_empty(path, header, [_duckdb_kind(row[1]) for row in rows])


def _duckdb_kind(name: str) -> Kind:
    if name in ("BIGINT", "DOUBLE"):
        return NUMBER
    return MOMENT if name.startswith(("DATE", "TIME")) else TEXT


def _pandas(path: Path, header: bool) -> list[Kind | None]:
    import pandas

    frame = pandas.read_csv(path, header=0 if header else None)
    kinds = [NUMBER if dtype.kind in "iuf" else MOMENT if dtype.kind == "M" else TEXT for dtype in frame.dtypes]
    return _unless_empty(path, header, kinds)


def _unless_empty(path: Path, header: bool, kinds: list[Kind]) -> list[Kind | None]:
    """The same columns count for everybody: those with a value as it is written."""
    empty = [column.type == "unknown" for column in _profile(_read(path, header)).columns]
    return [None if nothing else kind for nothing, kind in zip(empty, kinds, strict=True)]


def personal() -> Lines:
    """Columns made by Faker in seven locales, under telling names and none, and their look-alikes."""
    labelled = [column for seed in SEEDS for column in columns(seed)]
    yield "\n## Personal data and other semantic types\n"
    yield (
        f"{len(labelled)} generated columns of 300 values, four per cent of them missing or dirt, in seven locales: "
        "twenty types under telling names and under none, and columns that look like one of them and are not. The "
        "tests hold the profiler to one of these three sets; the next table is of data that no rule was made on."
    )
    yield from _scores(labelled)


def unseen() -> Lines:
    """Columns in locales that no rule was made on."""
    yield "\n## The same in other locales\n"
    for locales, told in (
        (FRESH, "nobody has looked at these, and they were scored after the last rule was made"),
        (
            UNSEEN,
            "nobody has looked at their values; at the first score recall was 0.792 of names and 0.667 of addresses, "
            "precision 1.000; then names and words for streets of some of these languages were added",
        ),
        (
            NEARER,
            "at the first score, before anything was looked at, recall was 0.958 of names, 1.000 of telephone numbers "
            "and 0.917 of addresses, precision 0.920, 1.000 and 1.000; four rules were corrected after",
        ),
        (OTHERS, "the rules were made on these"),
    ):
        labelled = list(columns_in(locales))
        named = ", ".join(locales)
        yield f"\n{len(labelled)} columns of Faker's in {named}; half have names that tell nothing; {told}."
        yield from _scores(labelled)


def columns_in(locales: Collection[str]) -> Iterator[Labelled]:
    """Columns of ten types and of none, each under a telling name and under none."""
    for locale in locales:
        faker = Faker(locale)
        faker.seed_instance(7)
        makers: dict[str, tuple[str | None, Callable[[], object]]] = {
            "email": ("email", faker.email),
            "phone": ("phone", faker.phone_number),
            "person_name": ("person_name", faker.name),
            "street_address": ("street_address", faker.street_address),
            "iban": ("iban", faker.iban),
            "credit_card": ("credit_card", faker.credit_card_number),
            "ip": ("ip", faker.ipv4),
            "url": ("url", faker.url),
            "uuid": ("uuid", faker.uuid4),
            "date_of_birth": ("date_of_birth", faker.date_of_birth),
            "company": (None, faker.company),
            "city": (None, faker.city),
            "job": (None, faker.job),
            "remark": (None, faker.sentence),
            "barcode": (None, faker.ean13),
            "plate": (None, faker.license_plate),
            "colour": (None, faker.color_name),
            "user": (None, faker.user_name),
        }
        for number, (name, (label, make)) in enumerate(makers.items()):
            values: list[str | None] = [str(make()) for _ in range(300)]
            yield Labelled(name, label, values)
            # Nothing but a name tells a date of birth from another date.
            yield Labelled(f"c{number}", None if label == "date_of_birth" else label, values)


def _scores(labelled: list[Labelled]) -> Lines:
    """Precision and recall of each type, and the share of the others that are left alone."""
    right, missed, wrong = Counter[Kind](), Counter[Kind](), Counter[Kind]()
    for column, found in _semantic_types(labelled):
        if found == column.label:
            right[found or ""] += 1
        else:
            missed[column.label or ""] += 1
            wrong[found or ""] += 1
    kinds = sorted({column.label for column in labelled if column.label})
    yield ""
    yield "| type | columns | precision | recall |"
    yield "|---|--:|--:|--:|"
    for kind in kinds:
        of_kind, taken = right[kind] + missed[kind], right[kind] + wrong[kind]
        yield f"| {kind} | {of_kind} | {right[kind] / max(taken, 1):.3f} | {right[kind] / of_kind:.3f} |"
    found_right = sum(right[kind] for kind in kinds)
    of_all = sum(right[kind] + missed[kind] for kind in kinds)
    taken_all = found_right + sum(count for kind, count in wrong.items() if kind)
    yield f"| **all** | {of_all} | {found_right / taken_all:.3f} | {found_right / of_all:.3f} |"
    yield ""
    yield f"Of {right[''] + missed['']} columns of no such type, {right['']} are left alone."


def _semantic_types(labelled: list[Labelled]) -> Iterator[tuple[Labelled, str | None]]:
    import pyarrow

    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        with closing(connect(settings)) as connection:
            for table in side_by_side(labelled):
                connection.register("subject", pyarrow.table({column.name: column.values for column in table}))
                profiled = profile_table(connection, "subject", settings).columns
                yield from ((column, one.semantic_type) for column, one in zip(table, profiled, strict=True))


def dirty() -> Lines:
    """Public tables with errors put in by others, and their clean copies: which cells does a finding point at?"""
    yield "\n## Errors found, by the cell\n"
    if not (CORPORA / "dirty").is_dir():
        yield f"Left out: {CORPORA / 'dirty'} is not there."
        return
    yield (
        "A cell is wrong where the dirty copy differs from the clean one. The profiler knows no dictionary and no "
        "clean copy: it can find what is against a column's type, and what does not go with another column as nearly "
        "all other rows do; of a plausible wrong value that nothing else in the row tells it knows nothing. So recall "
        "is given of all wrong cells, and of those in columns that it takes for numbers, amounts or dates. Of two "
        "columns that determine each other either may be the wrong one: both are flagged."
    )
    yield ""
    yield "| table | code | cells flagged | of them wrong (precision) | recall in typed columns | recall of all |"
    yield "|---|---|--:|--:|--:|--:|"
    for folder in sorted(path for path in (CORPORA / "dirty").iterdir() if path.is_dir()):
        wrong = _wrong_cells(folder)
        found, typed = _flagged(folder / "dirty.csv")
        within = {cell for cell in wrong if cell[1] in typed}
        for code, cells in sorted(found.items()):
            hits = cells & wrong
            yield (
                f"| {folder.name} | `{code}` | {len(cells):,} | {len(hits):,} ({len(hits) / len(cells):.3f}) | "
                f"{_share(len(hits & within), len(within))} | {_share(len(hits), len(wrong))} |"
            )
        if not found:
            yield f"| {folder.name} | none | 0 |  | {_share(0, len(within))} | {_share(0, len(wrong))} |"


def _share(hits: int, of: int) -> str:
    return f"{hits / of:.3f} ({hits:,} of {of:,})" if of else "no such cell"


def _wrong_cells(folder: Path) -> set[tuple[int, str]]:
    copies = []
    for name in ("dirty", "clean"):
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            copies.append(list(csv.reader(file)))
    header, *_ = copies[0]
    return {
        (row, header[place])
        for row, (ours, theirs) in enumerate(zip(copies[0][1:], copies[1][1:], strict=True), 1)
        for place, (cell, clean) in enumerate(zip(ours, theirs, strict=True))
        if cell != clean
    }


def _flagged(path: Path) -> tuple[dict[str, set[tuple[int, str]]], set[str]]:
    """The cells behind the findings of each code, and the columns with a type that text can be against."""
    profile = _profile(_read(path, header=True))
    found: dict[str, set[tuple[int, str]]] = {}
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        with closing(connect(settings)) as connection:
            session = Session(
                connection, _read(path, header=True), profile.rows, settings, datetime.now(UTC).date(), memory=MEMORY
            )
            for column in profile.columns:
                read = Column(column.name, column.storage_type, column.position)
                for suspicion in facts_and_parts(session, [read])[1][column.position].suspicions:
                    if suspicion.predicate:
                        rows = _rows_where(session, read, suspicion.predicate)
                        found.setdefault(suspicion.code, set()).update((row, column.name) for row in rows)
            columns = [Column(column.name, column.storage_type, column.position) for column in profile.columns]
            for right, lefts in judged(session, columns, profile.columns):
                rows = [row for (row,) in session.rows_of(odd_rows(session, right, lefts))]
                found.setdefault("W_DEPENDENCY", set()).update((row, right.name) for row in rows)
    return found, {column.name for column in profile.columns if column.type in ("numeric", "money", "date", "mixed")}


def _rows_where(session: Session, column: Column, predicate: str) -> list[int]:
    numbered = f"SELECT row_number() OVER () AS number, {column.value_sql} AS v FROM {session.table}"
    return [row for (row,) in session.rows_of(f"SELECT number FROM ({numbered}) WHERE {predicate}")]
