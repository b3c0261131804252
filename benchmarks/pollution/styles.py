"""Whole files written otherwise: dialects and encodings. Everything must come back."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.pollution.judging import Polluted, Table, Truth
from benchmarks.pollution.writing import PLAIN, Style, joined, sound


def _styles() -> Iterator[tuple[str, Style]]:
    for delimiter in (";", "\t", "|"):
        yield "file: usual delimiter", Style(delimiter)
    for delimiter in ("^", "~", "§", "¦", ":", "\x1f", "\x01", "*", "!"):
        yield "file: uncommon delimiter", Style(delimiter)
    yield "file: space as delimiter", Style(" ")
    for delimiter in ("||", "::", "~|~", ", ", ";;", "|;|", "<>", " | "):
        yield "file: delimiter of several characters", Style(delimiter)
    for quote in ("'", "`"):
        yield "file: other quote", Style(quote=quote, quoting="texts")
        yield "file: other quote", Style(";", quote=quote)
    yield "file: backslash before quotes", Style(escape="\\")
    yield "file: backslash before quotes", Style(";", escape="\\", quoting="all")
    yield "file: everything quoted", Style(quoting="all")
    yield "file: everything quoted", Style(";", quoting="all")
    yield "file: texts quoted", Style(quoting="texts")
    yield "file: some values quoted", Style(quoting="some")
    yield "file: some values quoted", Style("\t", quoting="some")
    yield "file: lines end in CRLF", Style(newline="\r\n")
    yield "file: lines end in CR", Style(newline="\r")
    yield "file: lines end in CR", Style(";", newline="\r", quoting="all")


def written(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """Every style of writing."""
    truth = (Truth(table.header, sound(table)),)
    for kind, style in _styles():
        if len(table.header) == 1 and "delimiter" in kind:
            continue
        yield Polluted(kind, table.name, joined(style.lines(table, rng), style.newline), truth)
    lines = PLAIN.lines(table, rng)
    mixed = "".join(line + rng.choice(("\n", "\r\n")) for line in lines)
    yield Polluted("file: line ends mixed", table.name, mixed.encode(), truth)
    if all(";" not in cell for cells in table.rows for cell in cells) and table.name in ("numeric", "wide"):
        rows = tuple(tuple(cell.replace(".", ",") for cell in cells) for cells in table.rows)
        commas = Table(table.name, table.header, rows)
        yield Polluted(
            "file: decimal commas",
            table.name,
            joined(Style(";").lines(commas, rng)),
            (Truth(table.header, sound(commas)),),
        )


def encoded(table: Table, rng: random.Random) -> Iterator[Polluted]:
    """Every Unicode encoding with a byte order mark."""
    truth = (Truth(table.header, sound(table)),)
    text = joined(PLAIN.lines(table, rng)).decode()
    for codec in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        kind = "file: byte order mark" if codec == "utf-8-sig" else "file: UTF-16 or UTF-32"
        yield Polluted(kind, table.name, text.encode(codec), truth)


LEGACY = {
    "cp1252": ("Müller", "Größe", "français", "señor", "São", "Åse", "naïve", "Übung", "été", "garçon"),
    "cp1250": ("Łódź", "Kraków", "żółć", "świat", "Gdańsk", "chrząszcz", "źrebię", "pięć", "będzie", "dąb"),
    "cp1251": ("Москва", "Иван", "улица", "зелёный", "дом", "книга", "река", "город", "хлеб", "снег"),
    "koi8-r": ("Москва", "Иван", "улица", "зелёный", "дом", "книга", "река", "город", "хлеб", "снег"),
    "shift_jis": ("東京", "大阪市", "日本語", "カタカナ", "ひらがな", "会社", "電話番号", "住所", "名前", "こんにちは"),
    "gb18030": ("北京", "上海市", "中文", "公司名称", "电话", "地址", "姓名", "你好", "客户", "价格"),
    "euc-kr": ("서울", "부산", "한국어", "회사", "전화번호", "주소", "이름", "안녕하세요", "고객", "가격"),
    "cp1253": ("Αθήνα", "Ελλάδα", "όνομα", "πόλη", "διεύθυνση", "τηλέφωνο", "τιμή", "πελάτης", "δρόμος", "ημέρα"),
}


def legacy(rng: random.Random) -> Iterator[Polluted]:
    """Texts in encodings of one script."""
    for codec, words in LEGACY.items():
        for count in (12, 80):
            rows = tuple(
                (str(i), rng.choice(words), f"{rng.choice(words)} {rng.choice(words)}", f"{rng.uniform(0, 90):.2f}")
                for i in range(count)
            )
            table = Table(codec, ("id", "name", words[0], "price"), rows)
            data = joined(Style(";").lines(table, rng)).decode().encode(codec)
            yield Polluted("file: legacy encoding", codec, data, (Truth(table.header, sound(table)),))
