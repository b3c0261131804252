"""Letters of the scripts that names of people and streets are written in, as ranges for regular expressions.

By their ranges: the Unicode classes of RE2 take milliseconds to compile, each time.
"""

CASED = r"A-Za-z\x{00C0}-\x{02AF}\x{02BB}\x{02BC}\x{1E00}-\x{1EFF}\x{0370}-\x{052F}"
"""Latin, with the letters beyond Europe (ə, ʻ), Greek and Cyrillic."""
CASELESS = (
    r"\x{0530}-\x{058F}\x{0590}-\x{0DFF}\x{0E00}-\x{0EFF}\x{10A0}-\x{10FF}\x{1780}-\x{17FF}"
    r"\x{3005}\x{3040}-\x{30FF}\x{3400}-\x{9FFF}\x{AC00}-\x{D7AF}"
)
"""Scripts without capitals, or in which nobody looks for one: from Armenian and Hebrew to Han and Hangul."""
LETTERS = CASED + CASELESS
CAPITAL = (
    r"[A-Z\x{00C0}-\x{00DE}\x{0100}-\x{024F}\x{1E00}-\x{1EFF}\x{0386}-\x{03AB}\x{0400}-\x{042F}"
    r"\x{0460}-\x{052F}]"
)
"""A capital; where capitals and small letters alternate in Unicode, either."""
EAST = r"\x{3005}\x{3040}-\x{30FF}\x{3400}-\x{9FFF}\x{AC00}-\x{D7AF}"
"""Chinese, Japanese and Korean."""
EASTERN = f"[{EAST}]"
