"""Encodings: marks and proofs are certain, guesses are right nearly always and say that they are guesses."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.detection.encoding import decode, decode_slice, find_encoding
from udb_pipelines.detection.sample import Sample
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.detection.conftest import Detect

TEXTS = {
    "de": "Müller kaufte für größere Beträge Äpfel, Öl und süße Brötchen in der Straße nach Köln",
    "fr": "élève français où naïve garçon été hôtel forêt Noël cœur déjà crème brûlée",
    "es": "mañana niño corazón acción qué señor año español información García López Martínez",
    "pl": "zażółć gęślą jaźń łódź Kraków święto późno źródło żółw Wrocław",
    "hu": "árvíztűrő tükörfúrógép Győr kő őrség egyetlen hűség",
    "ru": "Москва город улица Ленина дом квартира имя фамилия отчество адрес телефон",
    "el": "Αθήνα πόλη οδός όνομα επώνυμο διεύθυνση τηλέφωνο Ελλάδα",
    "tr": "İstanbul şehir sokak öğrenci çocuk güneş ığdır",
    "he": "ירושלים רחוב עיר שם משפחה כתובת טלפון",
    "ar": "القاهرة مدينة شارع الاسم العنوان الهاتف",
    "ja": "東京都 港区 名前 住所 電話番号 カタカナ ひらがな 会社",
    "zh": "北京市 上海 姓名 地址 电话 公司 城市 中国",
    "tw": "臺北市 姓名 地址 電話 公司 國家 學校",
    "ko": "서울특별시 이름 주소 전화번호 회사 대한민국",
    "th": "กรุงเทพ ชื่อ ที่อยู่ โทรศัพท์ บริษัท",
    "lt": "Šiauliai žąsis ėjo gatvė",
}
WRITTEN = [
    ("de", "cp1252"), ("de", "iso8859-15"), ("de", "mac_roman"), ("de", "cp850"), ("de", "cp437"), ("fr", "latin-1"),
    ("es", "cp1252"), ("es", "cp850"), ("pl", "cp1250"), ("pl", "iso8859-2"), ("hu", "cp1250"), ("hu", "iso8859-2"),
    ("ru", "cp1251"), ("ru", "koi8-r"), ("ru", "cp866"), ("ru", "iso8859-5"), ("el", "cp1253"), ("el", "iso8859-7"),
    ("tr", "cp1254"), ("tr", "iso8859-9"), ("he", "cp1255"), ("ar", "cp1256"), ("ar", "iso8859-6"),
    ("ja", "shift_jis"), ("ja", "euc_jp"), ("ja", "iso2022_jp"), ("zh", "gbk"), ("zh", "gb18030"), ("tw", "big5"),
    ("ko", "euc_kr"), ("th", "cp874"), ("lt", "cp1257"), ("ru", "utf-8"), ("ja", "utf-8"), ("de", "utf-16-le"),
    ("ru", "utf-16-be"), ("de", "utf-32-le"),
]  # fmt: skip


def table(language: str, rows: int, encoding: str) -> str:
    words = TEXTS[language].split()
    lines = ["id,name,city,amount"]
    for row in range(rows):
        name = f"{words[row % len(words)]} {words[(row * 7 + 3) % len(words)]}".replace(",", "")
        lines.append(f"{row},{name},{words[(row * 5 + 1) % len(words)].strip(',')},{row * 13 % 997}.50")
    return "\n".join([*lines, ""]).encode(encoding, "ignore").decode(encoding)


def test_many_encodings_short_and_long() -> None:
    """The aim is 96 in 100 decoded equal."""
    wrong = []
    for language, encoding in WRITTEN:
        for rows in (3, 20, 300):
            text = table(language, rows, encoding)
            data = text.encode(encoding)
            if decode(data, find_encoding(Sample(data, size=len(data)))) != text:
                wrong.append((language, encoding, rows))
    assert len(wrong) <= 0.04 * 3 * len(WRITTEN), wrong


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)  # fmt: skip
def test_a_mark_decides_and_goes(detected: Detect, mark: bytes, codec: str) -> None:
    found = detected("a.csv", data=mark + "größe,b\n1,2\n3,4\n".encode(codec)).streams[0]
    assert found.encoding_confidence == 1.0
    assert [column.original_name or column.name for column in found.columns] == ["größe", "b"]
    assert "W_BOM" in {finding.code for finding in found.findings}


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), cut=st.integers(1, 3))
def test_utf8_cut_anywhere_is_utf8(text: str, cut: int) -> None:
    data = (text + "ü").encode()[: -cut if cut < 2 else None]
    if b"\x00" not in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        assert find_encoding(Sample(data, size=None)).name == "utf-8"


def test_a_few_bad_bytes_do_not_make_it_another_encoding() -> None:
    data = ("größe;straße\n" * 200).encode() + b"\xff\n"
    found = find_encoding(Sample(data, size=len(data)))
    assert found.name == "utf-8"
    assert found.confidence < 1


def test_a_guess_says_so(detected: Detect) -> None:
    found = detected("a.csv", data=table("ru", 30, "cp1251").encode("cp1251")).streams[0]
    assert found.encoding == "cp1251"
    assert "W_ENCODING_GUESSED" in {finding.code for finding in found.findings}


def test_a_pin_wins_and_must_exist(detected: Detect) -> None:
    data = table("ru", 30, "cp1251").encode("cp1251")
    assert detected("a.csv", data=data, encoding="KOI8-R").streams[0].encoding == "koi8-r"
    with pytest.raises(UdbError) as caught:
        detected("a.csv", data=data, encoding="klingon")
    assert caught.value.code == "E_CONFIG"


def test_a_slice_of_utf16_keeps_its_byte_order() -> None:
    data = "a,b\n1,2\n3,4\n".encode("utf-16-be")
    encoding = find_encoding(Sample(codecs.BOM_UTF16_BE + data, size=len(data) + 2))
    assert decode_slice(data, encoding) == "1,2\n3,4\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Land;2010\nÖsterreich;962,5\nSchweiz;1.825,9\nPolen;8,1\n", "cp1252"),
        ("date,amount\n30 May 2024,£113.55\n29 May 2024,£228.47\n", "cp1252"),
        ("Escuela;Nota\nA Coruña;Sin año\nLugo;ñ\n", "cp1252"),
        ("Département;Superficie (km²)\nOrléans;1\xa0842,6\nBesançon;84\n", "cp1252"),
        ("miasto;cena\nToruń;1,5\nGdańsk;2,5\nPoznań;3\n", "cp1250"),
        ('1,"ﾎｯｶｲﾄﾞｳ","北海道","札幌市中央区"\n2,"ｻｯﾎﾟﾛｼ","北海道","大通東"\n3,"ｻｯﾎﾟﾛｼ","北海道","旭ケ丘"\n', "cp932"),
    ],
)
def test_a_few_telling_letters_decide_where_statistics_know_too_little(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    found = find_encoding(Sample(data, size=len(data)))
    assert decode(data, found) == text
    assert [item.code for item in found.findings] == ["W_ENCODING_GUESSED"]
