"""Words that values are compared with: country and currency codes, given names, kinds of streets.

Closed lists (ISO 3166-1, ISO 4217) are complete; given names are the frequent ones of Europe and the Americas,
enough to tell a column of people from a column of places, and not to judge a single name. The lists are text
files, read when a column makes them necessary.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

List = Literal["countries_alpha2", "countries_alpha3", "country_names", "currencies", "given_names"]

GENDERS = frozenset(
    {
        "d", "divers", "f", "female", "femme", "hombre", "homme", "m", "male", "man", "mujer", "männlich",
        "non-binary", "other", "unknown", "w", "weiblich", "woman", "x",
    }
)  # fmt: skip
STREETS = (
    "street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|drives|court|ct|courts|"
    "place|pl|square|sq|terrace|parkway|pkwy|highway|hwy|way|ways|circle|cir|trail|row|alley|"
    "crescent|close|walk|walks|walks|gardens?|grove|groves|mews|quay|annex|arcade|bridge|brooks?|"
    "burgs?|bypass|camp|canyon|cape|causeway|centers?|circles|cliffs?|club|common|corners?|course|"
    "coves?|creek|crest|crossing|crossroad|curve|dale|dam|divide|estates?|expressway|extensions?|"
    "falls?|ferry|fields?|flats?|fords?|forest|forges?|forks?|fort|freeway|gateway|glens?|greens?|"
    "harbors?|haven|heights|hills?|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|lakes?|"
    "land|landing|lights?|loaf|locks?|lodge|loop|mall|manors?|meadows?|mills?|mission|motorway|"
    "mount|mountains?|neck|orchard|oval|overpass|parks?|pass|passage|path|pike|pines?|plains?|"
    "plaza|points?|ports?|prairie|radial|ramp|ranch|rapids?|rest|ridges?|river|roads|route|rue|"
    "run|shoals?|shores?|skyway|springs?|spurs?|squares|station|stravenue|stream|streets|summit|"
    "throughway|trace|track|trafficway|tunnel|turnpike|underpass|unions?|valleys?|via|viaduct|"
    "views?|villages?|ville|vista|wall|wells?"
)  # fmt: skip
"""Words at the end of English street names (United States Postal Service), as alternatives of an expression."""
STREETS_ELSEWHERE = (
    r"(rue|avenue|av\.?|boulevard|bd|chemin|impasse|allée|quai|place|cours|route|calle|c/|avenida|avda\.?|paseo|"
    r"plaza|camino|rambla|ronda|glorieta|cuesta|pasaje|vial|urbanización|callejón|acceso|alameda|cañada|via|viale|"
    r"corso|piazza|vicolo|strada|borgo|contrada|canale|rotonda|incrocio|stretto|ul\.|ulica|aleja|al\.|plac|pl\.|rua|"
    r"travessa|praça|praceta|largo|estrada|rodovia|ladeira|pátio|loteamento|viela|viaduto|condomínio|quadra|jardim|chácara|sítio|conjunto|residencial|recanto|colônia|vereda|calçada|beco|"
    r"strada|stradela|bulevardul|aleea|intrarea|calea|piața|rr\.|nábřeží|náměstí|třída)\s+\S.*[0-9].*|"
    r"[0-9]+[a-z]?,?\s+(bis\s+)?(rue|avenue|boulevard|chemin|impasse|allée|quai|place|cours)\s.*|"
    r".*(straße|strasse|str\.|gasse|weg|allee|platz|ring|damm|ufer|gässli|straat|laan|plein|gracht|singel|"
    r"kade|dijk|dreef|steeg|hof|gatan|gata|vägen|väg|torget|stigen|gränd|backen|vej|vejen|gade|stræde|plads|veien|vegen|"
    r"ská|cká|katu|tie|kuja|polku|utca|útja| út| tér| körút| köz| sokak| caddesi| sk\.| cd\.)"
    r"\s*[0-9].*"
)
ORGANISATIONS = (
    "inc|llc|ltd|limited|plc|gmbh|ag|kg|ohg|corp|corporation|company|co|group|sons|bank|university|institute|holding|"
    "holdings|stiftung|sarl|sas|sa|srl|spa|bv|nv|oy|ab|and|et|und|associates|partners|department|city|county|lake|"
    "port|north|south|east|west|new|saint|san|santa|mount|fort"
)
"""Words that make two capitalised words something else than a person."""


@cache
def words(name: List) -> frozenset[str]:
    """The entries of a list: one a line for names of countries, which have spaces; by white space otherwise."""
    text = files(__package__).joinpath("words", f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines() if name == "country_names" else text.split())
