"""Which character encoding a text is in: marks first, then UTF-8 by proof, UTF-16/32 by shape, then statistics."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass

from udb_pipelines.detection.findings import told
from udb_pipelines.detection.sample import Sample
from udb_pipelines.errors import CODES, UdbError
from udb_pipelines.models import Finding

GUESS_BYTES = 48 << 10
FALLBACK = "cp1252"

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SINGLE_BYTE = {"cp1250", "cp1251", "cp1252", "iso8859-1", "iso8859-2", "iso8859-15", "mac-roman"}
UNSURE = 0.5
WESTERN = set("äöüßÄÖÜéèêëàâçñóíáúôîïûùãÉÀÇÑ")
SIGNS = set("\xa0£€§°²³µ½¼¾·–—‘’“”„«»…©®™±×")
_FOREIGN = re.compile(
    r"(?<=[^\W\d])[£€§°²³µ½¼¾·„«»…©®™±×\xa0](?=[^\W\d])|£(?! ?[\d)])|(?<=[^\W\d])ñ(?![aeiouáéíóúüAEIOUÁÉÍÓÚÜ])"
)
"""Signs between letters, a pound without an amount, and an n with a tilde before no vowel, which is Polish."""
_KANA = re.compile("[\uff66-\uff9f\u3041-\u30fe]{3}")
FEW_KANJI, USUAL = 4, 0.8
"""Kanji that tell Japanese, and the share of them that is in everyday use."""
MIXED = 0.2
FEW_LINES = 4
"""So many lines of valid UTF-8, and so large a share on either side, are no chance."""
_SHIFT = b"\x1b$"
"""Begins Japanese in ISO-2022-JP, whose bytes are all ASCII."""
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


@dataclass(frozen=True)
class Encoding:
    """A Python codec name and how sure we are. ``mark`` is the byte order mark the text begins with."""

    name: str
    confidence: float
    mark: bytes = b""
    findings: tuple[Finding, ...] = ()


def find_encoding(sample: Sample, pinned: str | None = None) -> Encoding:
    """The encoding of a sample; ``pinned`` wins when given.

    Raises:
        UdbError: ``E_CONFIG`` for a pinned encoding that does not exist.
    """
    mark = next((mark for mark, _ in _MARKS if sample.head.startswith(mark)), b"")
    found = _pinned(pinned) if pinned else _marked(mark) or _unmarked(sample)
    findings: tuple[Finding, ...] = (told("W_BOM", CODES["W_BOM"].meaning),) if mark else ()
    if found.confidence < 1 and not pinned:
        message = (
            f"the encoding looks like {found.name} (confidence {found.confidence:.0%}){_doubt(sample, found.name)}"
        )
        findings += (told("W_ENCODING_GUESSED", message),)
    return Encoding(found.name, found.confidence, mark, findings)


def decode(data: bytes, encoding: Encoding) -> str:
    """``data``, the beginning of a text, as characters without its mark; what cannot be decoded is replaced."""
    decoder = codecs.getincrementaldecoder(encoding.name)(errors="replace")
    return decoder.decode(data, final=False).removeprefix("\ufeff")


def decode_slice(data: bytes, encoding: Encoding) -> str:
    """A slice from inside a text as characters; cut at the first and the last line end."""
    name = encoding.name
    if name in ("utf-16", "utf-32"):
        little = encoding.mark.startswith(b"\xff\xfe")
        name = f"{name}-{'le' if little else 'be'}"
    text = data.decode(name, errors="replace")
    first, last = text.find("\n"), text.rfind("\n")
    return text[first + 1 : last + 1] if first >= 0 else ""


def _doubt(sample: Sample, name: str) -> str:
    """What else it may be: UTF-8 with parts of another encoding, or the runner-up of the statistics."""
    text = b"".join(sample.parts)
    good = len(_MULTIBYTE.findall(text))
    bad = sum(1 for char in text.decode("utf-8", errors="surrogateescape") if "\udc80" <= char <= "\udcff")
    if name in SINGLE_BYTE and good and bad:
        return f"; {good} places are valid UTF-8 and {bad} bytes are not, so that encodings may be mixed"
    rival = _runner_up(_telling(b"\n".join(sample.parts)), name)
    return f"; {rival} is possible too" if rival else ""


def _runner_up(telling: bytes, name: str) -> str | None:
    """The next best answer of the statistics that reads the text otherwise."""
    import chardet

    try:
        mine = telling.decode(name)
        common = telling.decode(FALLBACK, errors="replace")
        if name != FALLBACK and common != mine and all(char.isascii() or char.isalpha() for char in common):
            return FALLBACK
        for found in chardet.detect_all(telling, ignore_threshold=True):
            codec = codecs.lookup(str(found["encoding"])).name
            if codec != name and telling.decode(codec) != mine:
                return codec
    except (LookupError, UnicodeDecodeError):
        return None
    return None


def _pinned(name: str) -> Encoding:
    try:
        return Encoding(codecs.lookup(name).name, 1.0)
    except LookupError:
        remedy = "name one that Python knows, such as utf-8, cp1252 or shift_jis, or leave it to be detected"
        raise UdbError("E_CONFIG", f"there is no encoding named {name!r}", remedy=remedy) from None


def _marked(mark: bytes) -> Encoding | None:
    return Encoding(dict(_MARKS)[mark], 1.0) if mark else None


def _unmarked(sample: Sample) -> Encoding:
    wide = wide_of(sample.head[:4096])
    if wide:
        return Encoding(wide, 0.95)
    if _SHIFT in sample.head:
        return _guess(sample)
    if all(_is_utf8(part, at_start=index == 0) for index, part in enumerate(sample.parts)):
        return Encoding("utf-8", 1.0)
    _refuse_mixed(sample)
    return _damaged_utf8(sample) or _guess(sample)


def _refuse_mixed(sample: Sample) -> None:
    """Refuse lines of UTF-8 among lines of another encoding: whichever is chosen, the others come out wrong.

    In a text of one legacy encoding hardly a line happens to be valid UTF-8.

    Raises:
        UdbError: ``E_UTF8_INVALID`` with the place of the first line that is not UTF-8.
    """
    telling = [line for line in sample.head.split(b"\n")[:-1] if not line.isascii()]
    valid = sum(_is_utf8(line, at_start=True) and _MULTIBYTE.search(line) is not None for line in telling)
    other = next((line for line in telling if not _is_utf8(line, at_start=True)), None)
    if other is None or valid < FEW_LINES or not MIXED * len(telling) <= valid <= (1 - MIXED) * len(telling):
        return
    raise UdbError(
        "E_UTF8_INVALID",
        f"encodings are mixed: {valid} lines are UTF-8 and {len(telling) - valid} are not, the first of these at byte "
        f"{sample.head.index(other)}",
        remedy="convert the parts to one encoding, or declare the one to read all of it by with --encoding",
    )


def _is_utf8(part: bytes, *, at_start: bool) -> bool:
    """Strictly valid, but for characters cut at the edges of the part."""
    if not at_start:
        part = part.lstrip(bytes(range(0x80, 0xC0)))
    try:
        codecs.getincrementaldecoder("utf-8")().decode(part, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _damaged_utf8(sample: Sample) -> Encoding | None:
    """UTF-8 with a few bad bytes: valid sequences outnumber the invalid bytes by far, which chance does not do."""
    text = b"".join(sample.parts)
    bad = sum(1 for char in text.decode("utf-8", errors="surrogateescape") if "\udc80" <= char <= "\udcff")
    good = len(_MULTIBYTE.findall(text))
    return Encoding("utf-8", 0.9) if good >= 10 * bad else None


def wide_of(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, told by where the zero bytes stand."""
    if len(head) < 4 or b"\x00" not in head:
        return None
    usable = head[: len(head) // 4 * 4]
    shares = [usable[lane::4].count(0) / (len(usable) // 4) for lane in range(4)]
    if min(shares[1:]) > 0.5 and shares[0] < 0.1:
        return "utf-32-le"
    if min(shares[:3]) > 0.5 and shares[3] < 0.1:
        return "utf-32-be"
    even, odd = (shares[0] + shares[2]) / 2, (shares[1] + shares[3]) / 2
    if odd > 0.2 and even < odd / 4:
        return "utf-16-le"
    if even > 0.2 and odd < even / 4:
        return "utf-16-be"
    return None


def _guess(sample: Sample) -> Encoding:
    """Ask the statistics. An answer that cannot decode the sample, or none, gives way to the commonest code page."""
    import chardet

    telling = _telling(b"\n".join(sample.parts))
    found = chardet.detect(telling)
    name, confidence = found["encoding"], found["confidence"]
    try:
        codec = codecs.lookup(str(name)).name
        telling.decode(codec)
    except (LookupError, UnicodeDecodeError):
        return Encoding(FALLBACK, 0.3)
    if float(confidence) < UNSURE and (better := _by_its_words(telling)):
        return Encoding(better, round(max(0.3, float(confidence)), 3))
    doubted = float(confidence) < UNSURE and codec.startswith(("cp125", "iso8859")) and _is_western(telling, 5)
    # Accents of a Macintosh, read as Windows', are never all letters.
    if doubted or (codec.startswith("mac") and _is_western(telling, 2)):
        return Encoding(FALLBACK, round(max(0.3, float(confidence)), 3))
    return Encoding(codec, round(min(0.95, max(0.3, float(confidence))), 3))


def _by_its_words(telling: bytes) -> str | None:
    """What the statistics know too little for: Western European words, or Japanese, that read as nothing else does.

    Signs stand beside words and digits, and never inside a word, as they would in another code page.
    """
    text = telling.decode(FALLBACK, errors="replace")
    beyond = {char for char in text if not char.isascii()}
    if beyond <= WESTERN | SIGNS and not _FOREIGN.search(text):
        return FALLBACK
    with suppress(UnicodeDecodeError):
        japanese = [char for char in telling.decode("cp932") if not char.isascii()]
        kanji = [char.encode("cp932")[0] for char in japanese if len(char.encode("cp932")) == 2]
        usual = sum(0x81 <= lead <= 0x97 for lead in kanji)
        if len(kanji) >= FEW_KANJI and usual >= USUAL * len(kanji) and _KANA.search("".join(japanese)):
            return "cp932"
    return None


def _is_western(telling: bytes, least: int) -> bool:
    """Whether all letters beyond ASCII, ``least`` different ones or more, are usual in Western European languages.

    Other languages' letters stand, read so, among ones that are not: 0xF8 in Czech, 0xBA in Turkish, 0xF0 in Russian,
    0xF5 in Hungarian.
    """
    beyond = {char for char in telling.decode(FALLBACK, errors="replace") if not char.isascii()}
    return len(beyond) >= least and beyond <= WESTERN


def _telling(data: bytes) -> bytes:
    """Only the lines that hold a byte beyond ASCII: they alone tell encodings apart."""
    lines = [line for line in data.split(b"\n") if not line.isascii() or _SHIFT in line]
    telling = b"\n".join(lines)
    return telling[: telling.rfind(b"\n", 0, GUESS_BYTES)] if len(telling) > GUESS_BYTES else telling
