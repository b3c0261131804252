"""The report: one file that is well-formed, complete, small, and deaf to what the data tries to say to it."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines import profiling
from udb_pipelines.models import Profile
from udb_pipelines.publishing.documents import profile_json, same_profile
from udb_pipelines.publishing.formatting import shown
from udb_pipelines.publishing.report import index_html, report_html
from udb_pipelines_tests.publishing import samples
from udb_pipelines_tests.publishing.pages import Page

BESIDE = {
    "profile.json", "metrics.csv", "audit.log.json", "rejects.parquet", "../manifest.json", "../index.html", "data:,",
}  # fmt: skip


def render(profile: Profile, **fields: object) -> str:
    arguments = {
        "commit": samples.sync().datasets[0],
        "stream": samples.stream(),
        "detection": samples.detection(),
        "seconds": samples.SECONDS,
        "has_rejects": True,
        "has_index": True,
    }
    return report_html(profile, **(arguments | fields))


def check(html: str) -> Page:
    page = Page(html)
    assert len(set(page.ids)) == len(page.ids)
    for link in page.links:
        assert link in BESIDE or (link.startswith("#") and link[1:] in page.ids), link
    assert page.count("script") == 1
    assert page.count("style") == 1
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes)
    return page


def test_the_report_says_what_the_profile_says():
    page = check(render(samples.profile()))
    text = " ".join(" ".join(page.text).split())
    for expected in (
        "orders", "FAIL", "4 errors and 3 warnings in 4 of 9 columns; 12 rows were rejected.", "31,204",
        "57 values are not amounts with two decimals", "first: row 203, byte 17,661", "E_MONEY_FORMAT",
        "semicolon ;", "cp1252", "confidence 93 %", "every one of 2,000 sampled records has 9 fields",
        "DECIMAL(18,2)", "0.9611", "Customer E-Mail", "Not exact: distinct (HyperLogLog).", samples.JOB,
    ):  # fmt: skip
        assert expected in text, expected
    assert all(f"col-{column.name}" in page.ids for column in samples.columns())


def test_a_real_profile_makes_a_whole_report(settings):
    relation = duckdb.sql(
        "SELECT (1000 + i)::VARCHAR AS id, (i * 1.25)::DECIMAL(9,2)::VARCHAR AS amount, "
        "(DATE '2023-01-01' + i::INTEGER)::VARCHAR AS day, ['new', 'paid', '<b>'][1 + i % 3] AS state, "
        "NULL::VARCHAR AS nothing FROM range(1500) t(i)"
    )
    found = profiling.profile(relation, settings, dataset="real")
    page = check(render(found, commit=None, stream=None))
    assert {f"col-{name}" for name in ("id", "amount", "day", "state", "nothing")} <= set(page.ids)
    assert {"Rows by year", "Rows by value", "Rows by weekday"} <= set(page.text)
    assert same_profile(profile_json(found), profile_json(Profile.model_validate_json(profile_json(found))))


def test_the_same_models_make_the_same_bytes():
    assert render(samples.profile()) == render(samples.profile())


def test_errors_stand_before_warnings_and_the_frequent_before_the_rare():
    html = render(samples.profile())
    section = html[html.index('id="findings"') : html.index('id="changes"')]
    assert re.findall(r"<code>([EW]_\w+)</code>", section) == [
        "E_MIXED_TYPE", "E_MONEY_FORMAT", "E_JAGGED_ROW", "E_DATE_INVALID", "W_NULL_MARKER", "W_DATE_RANGE", "W_BOM",
    ]  # fmt: skip


def test_many_findings_are_all_there():
    findings = tuple(samples.finding("W_TYPE_AMBIGUOUS", f"c{i}", i + 1) for i in range(40))
    page = check(render(samples.profile(found=(), findings=findings)))
    assert sum(attributes.get("class") == "finding s-warning" for _, attributes in page.tags) == 40


@pytest.mark.parametrize("verdict", ["PASS", "WARN", "FAIL"])
def test_a_dataset_without_rows_columns_or_findings(verdict):
    profile = samples.profile(
        found=(), findings=(), keys=(), rows=0, rows_read=0, rows_rejected=0, verdict=verdict, seconds=0
    )
    page = check(render(profile, commit=None, stream=None, seconds={}, has_rejects=False, has_index=False))
    assert "Nothing was found wrong; no row was rejected." in " ".join(page.text)


def test_hostile_text_stays_text():
    profile = samples.hostile_profile()
    detection = samples.detection().model_copy(update={"uri": "javascript:alert(1)//<script>"})
    html = render(profile, detection=detection)
    page = check(html)
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "iframe", "object", "embed", "base"})
    text = "".join(page.text)
    for name in ("<script>alert(1)</script>", "{{ 7*7 }}{% raw %}", "&amp;&lt; &#x27;", "שלום עולם", "👩‍👩‍👧‍👦🇺🇦"):
        assert shown(name) in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f]", html)
    assert "49" not in re.findall(r"<bdi>(.*?)</bdi>", html)


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=4))
def test_any_text_makes_a_well_formed_page(name, values):
    column = samples.column(name, 1, top_values=samples.counts(*((value, 1) for value in values)), format_hint=name)
    check(render(samples.profile(found=(column,), findings=(samples.finding("W_BOM", name, 1, 1, name),))))


def test_nothing_comes_from_the_network():
    html = render(samples.profile())
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert set(re.findall(r"https?://[^\s\"'<)]+", html)) == {"http://www.w3.org/2000/svg"}


def test_the_policy_allows_exactly_the_page_s_own_style_and_script():
    html = render(samples.profile())
    page = Page(html)
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    for tag in ("style", "script"):
        content = html[html.index(f"<{tag}>") + len(tag) + 2 : html.index(f"</{tag}>")]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("make", [samples.wide_profile, samples.wordy_profile])
def test_a_hundred_columns_stay_below_two_megabytes(make):
    html = render(make(100))
    check(html)
    assert len(html.encode()) < 2_000_000


def test_thousands_of_years_do_not_make_thousands_of_bars():
    years = samples.counts(*((f"{year:04d}", 3) for year in range(1, 9999)))
    date = samples.columns()[1].date.model_copy(update={"by_year": years})
    html = render(samples.profile(found=(samples.column("d", 1, type="date", date=date),)))
    check(html)
    assert len(html.encode()) < 150_000


def test_every_chart_has_a_text_alternative_and_every_figure_its_table():
    page = check(render(samples.profile()))
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
    assert page.count("figure") == page.count("figcaption") > 5
    details = [attributes for tag, attributes in page.tags if tag == "details" and attributes.get("class") == "alt"]
    assert len(details) == page.count("figure")


def test_headings_descend_by_one():
    levels = [int(tag[1]) for tag, _ in check(render(samples.profile())).tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_files_are_listed_unless_the_source_is_the_only_one():
    files = tuple(f"/data/shop/part_{number}.csv" for number in range(14))
    several = samples.stream().detected.model_copy(update={"files": files})
    text = " ".join(
        Page(render(samples.profile(), stream=samples.stream().model_copy(update={"detected": several}))).text
    )
    assert "14 files" in text
    assert "part_9.csv" in text
    assert "and 4 more files" in " ".join(text.split())
    assert "1 file" not in " ".join(Page(render(samples.profile())).text)


def test_blank_names_and_outer_spaces_can_be_seen():
    columns = (samples.column("   ", 1), samples.column("", 2), samples.column(" padded", 3))
    text = " ".join(Page(render(samples.profile(found=columns))).text).split()
    assert {"␣␣␣", "(no", "␣padded"} <= set(text)


def test_the_index_links_every_dataset():
    profiles = samples.profile_set(samples.profile("shop__a", verdict="PASS"), samples.profile("shop__b"))
    page = Page(index_html(profiles, samples.detection()))
    assert {"shop__a/report.html", "shop__b/report.html", "manifest.json"} <= set(page.links)


def test_the_cards_of_many_columns_are_data_that_nothing_in_them_can_leave():
    hostile = samples.hostile_profile().columns
    many = tuple(
        column.model_copy(update={"name": f"{column.name}{i}", "position": i * len(hostile) + place})
        for i in range(60)
        for place, column in enumerate(hostile, 1)
    )
    html = render(samples.profile(found=many))
    text = re.search(r'<script type="application/json" id="later">(.*?)</script>', html, re.DOTALL)[1]
    cards = json.loads(text)
    assert len(cards) == len(many) > 100
    assert "<!--" not in text
    for card in cards.values():
        Page(card)


def test_mode_variation_and_median_deviation_stand_beside_the_mean():
    weight = samples.column(
        "w", 1, type="numeric", numeric=samples.numeric(1, 9, (1, 2, 3), mode=4.5, cv=0.25, mad=1.75)
    )
    text = " ".join(check(render(samples.profile(found=(weight,)))).text)
    for said in ("Mode", "4.5", "Coefficient of variation", "0.25", "Median deviation", "1.75"):
        assert said in text
