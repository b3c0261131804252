"""Words that values are compared with: country and currency codes, given names, organisations.

Closed lists (ISO 3166-1, ISO 4217) are complete. Names of people are the frequent ones of Europe, the Americas and
Asia, enough to tell a column of people from a column of places, and not to judge a single name. The lists are text
files, read when a column makes them necessary.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

List = Literal[
    "countries_alpha2", "countries_alpha3", "country_names", "currencies", "given_names", "given_names_caseless",
    "surnames", "surnames_east",
]  # fmt: skip

GENDERS = frozenset(
    {
        "d", "divers", "f", "female", "femme", "hombre", "homme", "m", "male", "man", "mujer", "männlich",
        "non-binary", "other", "unknown", "w", "weiblich", "woman", "x", "uomo", "donna", "homem", "mulher",
        "masculino", "feminino", "femenino", "maschio", "femmina", "mann", "kvinne", "kvinna", "kvinde", "mand", "mies",
        "nainen", "kobieta", "mężczyzna", "muž", "žena", "férfi", "nő", "erkek", "kadın", "мужской", "женский", "м",
        "ж", "男", "女", "남", "여",
    }
)  # fmt: skip
ORGANISATIONS = (
    "inc|llc|ltd|limited|plc|gmbh|ag|kg|ohg|corp|corporation|company|co|group|sons|bank|university|institute|holding|"
    "holdings|stiftung|sarl|sas|sa|srl|spa|bv|nv|oy|ab|and|et|und|associates|partners|department|city|county|lake|"
    "port|north|south|east|west|new|saint|san|santa|mount|fort|"
    r"s\.?r\.?o|d\.?o\.?o|d\.d|a\.s|s\.c|s\.a|spol|uab|mb|sia|oü|oyj|ky|asa|aps|ltda|lda|pt|tbk|cv|ud|perum|kft|zrt|bt|nyrt|kkt|"
    "şti|a\\.ş|ticaret|sanayi|hermanos|hnos|hijos|filhos|grupo|gruppo|gruppe|groep|zoon|fratelli|figli|asociados|"
    "associés|frères|fils|industries|international|services|solutions|systems|industrial|ооо|оао|зао|пао|ао|ип|тов|пат|фоп|"
    "mmc|asc|qsc|შპს|სს|ՍՊԸ|ՓԲԸ|شرکت|شركة|مؤسسة|بانک|وپسران|ובניו|בנק|लिमिटेड|प्रा|कंपनी|कम्पनी|बैंक|লিমিটেড|บริษัท|จำกัด|"
    "еоод|оод|ад|и сини|αε|επε|εε|株式会社|有限会社|合同会社|合資会社|公司|集团|주식회사|유한회사"
)
PLACES = "ville|town|beach|springs|valley|falls|islands?|harbou?r|heights|junction|bay|river"
"""Words that make two capitalised words something else than a person."""


@cache
def words(name: List) -> frozenset[str]:
    """The entries of a list: one a line for names of countries, which have spaces; by white space otherwise."""
    text = files(__package__).joinpath("words", f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines() if name == "country_names" else text.split())
