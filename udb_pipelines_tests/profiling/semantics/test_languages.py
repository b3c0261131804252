"""Names of columns, people and streets in other languages, and what only looks like them."""

from __future__ import annotations

import random
from collections.abc import Callable

import duckdb
import pyarrow
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.models import Profile
from udb_pipelines.profiling import profile_table
from udb_pipelines.profiling.semantics import column_names
from udb_pipelines.profiling.semantics.column_names import name_words, says

Texts = Callable[..., Profile]


def _typed(profile_texts: Texts, values: list[str]) -> str | None:
    return profile_texts(list(values)).columns[0].semantic_type


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (column_names.PHONE, ["Téléphone", "TELEFONSZÁM", "puhelinnumero", "номер телефона", "電話番号", "custTelNo"]),
        (column_names.NAME, ["Příjmení", "Apellido", "ФИО", "客户姓名", "Soyadı", "lastName", "Nazwisko", "Sukunimi"]),
        (column_names.ADDRESS, ["Dirección", "Διεύθυνση", "Katuosoite", "адрес доставки", "住所", "shipToAddress"]),
        (column_names.BIRTH, ["Fødselsdato", "data_urodzenia", "Date de Naissance", "生年月日", "Syntymäaika"]),
        (column_names.POSTCODE, ["Código Postal", "PSČ", "Postnummer", "郵便番号", "zipCode"]),
        (column_names.GENDER, ["Kön", "Płeć", "性別", "sexo"]),
    ],
)  # fmt: skip
def test_names_of_columns_in_other_languages(pattern: str, names: list[str]) -> None:
    assert [name for name in names if not says(pattern, name_words(name))] == []


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (column_names.PHONE, "intelligence"),
        (column_names.NAME, "nominal"),
        (column_names.NAME, "file_name"),
        (column_names.ADDRESS, "adresser_count"),
        (column_names.BIRTH, "boring"),
        (column_names.AGE, "page"),
        (column_names.AGE, "eta_minutes"),
        (column_names.POSTCODE, "market_cap"),
        (column_names.POSTCODE, "cp_usd"),
    ],
)
def test_words_that_contain_them_say_nothing(pattern: str, name: str) -> None:
    assert not says(pattern, name_words(name))


@pytest.mark.parametrize(
    ("given", "family"),
    [
        (["Anneli", "Juhani", "Heikki"], ["Kukkonen", "Mäkelä", "Valkama"]),
        (["Любовь", "Спиридон", "Савелий"], ["Медведева", "Федосеев", "Орехов"]),
        (["Κυριάκος", "Αμαλία", "Θάλεια"], ["Καρολίδου", "Ράλλης", "Τραγούστη"]),
        (["Indrajit", "Kavya", "Yamini"], ["Bhatnagar", "Yadav", "Kamdar"]),
        (["Thị Lan", "Văn Hùng", "Quang Huy"], ["Nguyễn", "Trần", "Phạm"]),
    ],
)
def test_people_of_many_languages_under_no_telling_name(
    profile_texts: Texts, given: list[str], family: list[str]
) -> None:
    values = [f"{first} {last}" for first in given for last in family] * 3
    assert _typed(profile_texts, values) == "person_name"


@pytest.mark.parametrize(
    ("family", "given"),
    [("김이박최정강조윤", ["서현", "영미", "옥자", "민수"]), ("王李张刘陈杨赵", ["伟", "秀英", "建国", "娜"])],
)
def test_people_of_east_asia(profile_texts: Texts, family: str, given: list[str]) -> None:
    assert _typed(profile_texts, [first + last for first in family for last in given]) == "person_name"


@pytest.mark.parametrize(
    "forms",
    [
        ("Jl. Kebonjati No. {}", "Gang Pasir Koja No. {}", "Jalan Raya Ujungberung No. {}"),
        ("ул. Верхняя, д. {}", "пер. Гастелло, д. {} к. 1/3", "наб. Заводская, д. {}"),
        ("Λεωφόρος Ζωγράφου {}", "Σιναράδων {}", "Νώε {}"),
        ("Calzada Chiapas 4{} Edif. 419 , Depto. 7", "Callejón San Luis {} Interior 7", "Calle Arias {} Interior 589"),
        ("Eriksentunet {}F", "Alitoppen {}", "Bakkenlyngen {}", "Bergkroken {}"),
        ("Carrera 7 # {}-34", "Calle {} # 8-20", "Transversal {} # 5-12"),
    ],
)
def test_addresses_of_many_countries(profile_texts: Texts, forms: tuple[str, ...]) -> None:
    assert _typed(profile_texts, [form.format(n) for n in range(10, 40) for form in forms]) == "street_address"


_DECOYS = {
    "semesters": (["Spring", "Fall", "Winter", "Summer"], [str(year) for year in range(1990, 2024)]),
    "gates": (["Gate"], [str(n) for n in range(1, 60)]),
    "routes": (["Route", "Place"], [str(n) for n in range(1, 90)]),
    "products": (["Cotton", "Copper", "Oak"], [f"{what} {n}" for what in ("Ring", "Tie", "Pot") for n in range(30)]),
    "bags": ([str(n) for n in range(100, 140)], ["Green Bag", "Red Cup", "Park Hat"]),
    "posts": (["Senior", "Junior", "Lead"], ["Engineer", "Manager", "Developer", "Analyst", "Officer"]),
    "dishes": (["Chicken", "Beef", "Lamb", "Veggie"], ["Curry", "Burger", "Wrap", "Tikka"]),
    "towns": (["Nizhny", "Stary", "Great", "Upper"], ["Ville", "Beach", "Falls", "Springs"]),
}


@pytest.mark.parametrize("what", sorted(_DECOYS))
def test_two_words_or_a_word_and_a_number_are_no_person_and_no_address(profile_texts: Texts, what: str) -> None:
    left, right = _DECOYS[what]
    dice = random.Random(5)
    values = [f"{dice.choice(left)} {dice.choice(right)}" for _ in range(200)]
    assert _typed(profile_texts, values) not in ("person_name", "street_address")


@pytest.mark.parametrize(
    "words",
    [
        "김해시 이천시 오산시 안양시 정읍시 고성군 강진군 서천군 하동군 남구 한경면 임실군 진도군",
        "石川県 山口県 高知県 森町 原村 中川区 小川町 藤井寺市 松本市 高崎市 三浦市 太田市",
        "马鞍山市 高平市 江苏省 安徽省 万宁市 石家庄市 白山市 唐山市 龙岩市 梁山县 方城县 文昌市",
    ],
)
def test_towns_of_east_asia_are_no_people(profile_texts: Texts, words: str) -> None:
    assert _typed(profile_texts, words.split() * 5) is None


def test_a_column_named_in_japanese_is_personal(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    values = ["山本 直子", "鈴木 翔太", "高橋 淳", "小林 知実"] * 20
    connection.register("subject", pyarrow.table({"氏名": values}))
    (column,) = profile_table(connection, "subject", settings).columns
    assert (column.semantic_type, column.pii_severity, column.masked) == ("person_name", "high", True)
    assert all("山" not in entry.value for entry in column.top_values)
