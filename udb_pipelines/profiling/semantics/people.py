"""What names of people look like, as SQL predicates over a text ``v``.

Two capitalised words may be anything. That a column holds people is told by the given names and the endings of family
names that some of them have, in whichever language: -escu, -nen, -ová, -enko, -όπουλος.
"""

from __future__ import annotations

from udb_pipelines.engine import quote_literal
from udb_pipelines.profiling.expressions import full_match
from udb_pipelines.profiling.semantics.checks import guarded, matches, one_of, one_of_many
from udb_pipelines.profiling.semantics.letters import CAPITAL, CASED, CASELESS, EASTERN
from udb_pipelines.profiling.semantics.vocabulary import ORGANISATIONS, PLACES, words

_WORD = rf"{CAPITAL}[{CASED}'’.-]*"
_PARTICLES = r"(v[ao]n |de[rl]? |d[aio]s? |la |le |zu |y |e |af |av |bin |binti |ibn )*"
_DEGREE = r"(,? ?[A-Z][A-Za-z.]{0,6}\.?)?"
_FULL = rf"({_WORD},? )?({_WORD} ){{1,3}}{_PARTICLES}{_WORD}(, ?[A-Z][A-Za-z.]{{0,6}})*|{_WORD}, {_WORD}( {_WORD})?"
_EASTERN_FULL = rf"{EASTERN}{{2,4}}|{EASTERN}{{1,4}}[ \x{{3000}}]{EASTERN}{{1,4}}"
_EASTERN_PLACES = "[시군구동읍면리도군부과팀市県府都道郡区區町村省县縣州部課局室科处處厂廠社店]"
_NAME = (
    rf"({_WORD}|\()([ ,()]+{_PARTICLES}{_WORD}){{0,5}}{_DEGREE}\)?|"
    rf"[{CASELESS}][{CASELESS} .'’·\x{{3000}}-]*"
)
_ENDINGS = (
    "ov[áa]?|[yi]eva?|[ei]va|zad[əe]h?|qızı|sk[áý]|ck[áý]|[vn]ić|[čc]ić|i[čc]i[ćk]|enko|czyk|[eo]wicz|[oe]vich|[wv]ski|[wv]sk[ai]|iński|ińska|oğlu|"
    "[aeiouyäö]nen|ss?on|s?dóttir|escu|eanu|idis|[oó]poulos|opoulou|akis|[iy]an|shvili|[aei]dze|auskas|evičius|"
    "avičius|ienė|aitė|ytė|[iī]ņ[šaiē]|[iī]ņš|iūnas|qvist|quist|ström|[áaéeíií]ndez|ínez|[éeáa]rez|ópez|ómez|"
    "eira|eiro|lund|gaard|gård|"
    "ович|евич|овна|евна|івна|йович|[её]нко|[еєо]нко|[оеё]ва?|ськ(ий|а)|цьк(ий|а)|ск(ий|ая)|цк(ий|ая)|чук|"
    "ίδης|ίδου|όπουλος|οπούλου|άκης|άκη|ιάδης|ιάδου|ούδης|έλης|ίτης|ούλου"
)
"""Of family names and patronymics, by which a language is known."""
_CASELESS_FULL = rf"[{CASELESS}'’.-]{{2,20}}( [{CASELESS}'’.-]{{2,20}}){{1,3}}"
_CASELESS_ENDINGS = "შვილი|ძე|იანი|ავა|ელი|յան|یان|پور|زاده|نژاد"
"""Of family names in Georgia, Armenia and Iran."""
_TITLES = r"(dr|prof|mr|mrs|ms|mme|frau|herr|sr|sra|dott|ing|mag|bc|mudr|fru|д-р|ing)\.? "


def person_name() -> str:
    """Two to five capitalised words, none of them an organisation's or a place's."""
    return guarded(matches(_FULL, 4, 90, " "), f"NOT {_something_else()}")


def _something_else() -> str:
    """Whether an organisation or a place is named."""
    return f"regexp_matches(v, {quote_literal(rf'(?i)(^|[ .(-])({ORGANISATIONS}|{PLACES})([ .,)]|$)')})"


def eastern_name() -> str:
    """A name in Chinese, Japanese or Korean, family name first; not the name of a town or a department."""
    other = f"regexp_matches(v, {quote_literal(f'({_EASTERN_PLACES})$')})"
    # No capital tells a name here, and mostly no space: the family names that are looked for do.
    return guarded("v > '\u2fff' AND strlen(v) <= 30", f"{full_match('v', _EASTERN_FULL)} AND NOT {other}")


def eastern_family_name() -> str:
    """Begins with one of the usual family names of China, Japan and Korea."""
    return " OR ".join(one_of(words("surnames_east"), f"left(v, {length})") for length in (1, 2))


def caseless_name() -> str:
    """Two to four words in a script without capitals that puts spaces between words."""
    return guarded(guarded("v > '\u052f'", matches(_CASELESS_FULL, 6, 160, " ")), f"NOT {_something_else()}")


def telling_caseless_name() -> str:
    """A usual given name first, or the ending of a family name."""
    ending = f"regexp_matches(v, {quote_literal(f'({_CASELESS_ENDINGS})$')})"
    known = one_of_many(words("given_names_caseless"), "split_part(v, ' ', 1)")
    return f"({ending} OR {known})"


def any_name() -> str:
    """One to six words in any script: enough where the column's name says that they are names."""
    return matches(_NAME, 2, 90)


def telling_name() -> str:
    """A usual given name among the words, a usual family name, the ending of one, a title."""
    ending = f"regexp_matches(v, {quote_literal(rf'[^ ]{{2}}({_ENDINGS})([ ,-]|$)|(?i)^{_TITLES}')})"
    parts = ("split_part(lower(v), ' ', 1)", "split_part(lower(v), ' ', 2)")
    known = [one_of_many(words("given_names"), part) for part in parts]
    known.append(one_of_many(words("surnames"), "split_part(lower(v), ' ', -1)"))
    usual = " OR ".join(known)
    return f"(CASE WHEN {ending} THEN true ELSE {usual} END)"


def given_name() -> str:
    """A usual given name and nothing else."""
    return one_of_many(words("given_names"), "lower(v)")
