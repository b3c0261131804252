"""What the records of one stream look like, so that most of them are checked and written a thousand at a time.

A shape is made of the catalog's fields and grows with what arrives: a field that is not in the catalog is added, one
that holds something else than it declares takes anything from then on. Records of the known shape are decoded and
encoded again by a generated struct. What leaves here is read by DuckDB, which knows neither names that differ in case
only nor numbers with more digits than a double has: records with such are written one by one, with other names, and
with such numbers as texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec

INTEGER, NUMBER, BOOLEAN, TEXT, ANY = "integer", "number", "boolean", "text", "any"
"""Kinds of fields."""

_WHOLE = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: dict[str, Any] = {
    INTEGER: _WHOLE | None, NUMBER: _WHOLE | float | None, BOOLEAN: bool | None, TEXT: str | None, ANY: msgspec.Raw,
}  # fmt: skip
_DECODERS = {kind: msgspec.json.Decoder(type_) for kind, type_ in _TYPES.items()}
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()

_DIGITS = bytes(ord("d") if chr(byte) in "0123456789." else ord(" ") for byte in range(256))
_LONG = b"d" * 16
"""With fewer digits, a double gives back the number."""
_AWKWARD = re.compile(r'[\x00-\x1f"\\]')
_STRING_OR_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*')


@dataclass(frozen=True)
class Field:
    """A field of a stream: its name there, the name under which it is written, and its kind."""

    name: str
    key: str
    kind: str


def has_long_number(text: bytes) -> bool:
    """Whether digits follow each other in such numbers that a double may not hold them; also true of some texts.

    >>> has_long_number(b'{"a": 0.1234567890123456789}'), has_long_number(b'{"a": 12345678.9, "b": "2026-01-01"}')
    (True, False)
    """
    return text.translate(_DIGITS).find(_LONG) >= 0


@dataclass(frozen=True)
class Shape:
    """The fields of a stream, by name, in the order in which they were met."""

    stream: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    spaces: tuple[str | None, ...] = ()
    """Namespaces that its records may name, None for none; any when empty."""

    @classmethod
    def of(cls, stream: str, kinds: Mapping[str, str], spaces: tuple[str | None, ...] = ()) -> Shape:
        """The shape of a stream with fields of ``kinds``."""
        return cls(stream, spaces=spaces)._with(kinds)

    def lines(self, messages: bytes) -> tuple[int, bytes] | None:
        """How many messages there are, and their records; None if any is no record of this stream and shape.

        Raises:
            UnicodeDecodeError: a text is no UTF-8.
        """
        try:
            found = self._messages.decode_lines(messages)
        except msgspec.DecodeError:
            return None
        if len(found) != messages.count(b"\n") or has_long_number(messages):
            return None
        return len(found), _ENCODER.encode_lines([message.record.data for message in found])

    def line(self, record: bytes) -> tuple[Shape, bytes]:
        """The shape that has ``record``, and its line without an end.

        Raises:
            msgspec.DecodeError: it is no object.
            UnicodeDecodeError: a text is no UTF-8.
        """
        if not has_long_number(record):
            try:
                return self, _ENCODER.encode(self._record.decode(record))
            except msgspec.ValidationError:
                pass
        values = {name: bytes(value) for name, value in _FIELDS.decode(record).items()}
        shape = self._learnt(values)
        return shape, shape._written(values)

    def _learnt(self, values: Mapping[str, bytes]) -> Shape:
        changed = [
            name for name, value in values.items()
            if name not in self.fields or (self.fields[name].kind != ANY and not _fits(self.fields[name], value))
        ]  # fmt: skip
        return self._with(dict.fromkeys(changed, ANY)) if changed else self

    def _with(self, kinds: Mapping[str, str]) -> Shape:
        fields = dict(self.fields)
        taken = {known.key.casefold() for known in fields.values()}
        for name, kind in kinds.items():
            key = fields[name].key if name in fields else _key(name, taken)
            taken.add(key.casefold())
            fields[name] = Field(name, key, kind)
        return Shape(self.stream, fields, self.spaces)

    def _written(self, values: Mapping[str, bytes]) -> bytes:
        pairs = (_ENCODER.encode(self.fields[name].key) + b":" + _kept(value) for name, value in values.items())
        return b"{" + b",".join(pairs) + b"}"

    @cached_property
    def _struct(self) -> type[msgspec.Struct]:
        usual = [known for known in self.fields.values() if known.key == known.name]
        return msgspec.defstruct(
            "Row",
            [(f"f{index}", _TYPES[known.kind], None) for index, known in enumerate(usual)],
            rename={f"f{index}": known.name for index, known in enumerate(usual)},
            forbid_unknown_fields=True,
            omit_defaults=True,
            gc=False,
        )

    @cached_property
    def _record(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self._struct)

    @cached_property
    def _messages(self) -> msgspec.json.Decoder[Any]:
        # Literals let the decoder itself refuse other messages and other streams.
        record = msgspec.defstruct(
            "Record", [("stream", Literal[self.stream]), ("data", self._struct), *self._space], gc=False, kw_only=True
        )
        return msgspec.json.Decoder(
            msgspec.defstruct("Message", [("type", Literal["RECORD"]), ("record", record)], gc=False)
        )

    @property
    def _space(self) -> list[Any]:
        """What the decoder wants to see of the namespace."""
        if not self.spaces:
            return []
        return [("namespace", Literal[self.spaces], *((None,) if None in self.spaces else ()))]


def _fits(known: Field, value: bytes) -> bool:
    try:
        _DECODERS[known.kind].decode(value)
    except msgspec.DecodeError:
        return False
    return known.kind != NUMBER or value == b"null" or _is_exact(value)


def _is_exact(number: bytes) -> bool:
    """Whether a double is this very number."""
    text = number.decode()
    return Decimal(repr(float(text))) == Decimal(text)


def _survives(number: bytes) -> bool:
    """Whether DuckDB's reader keeps a number: whole ones it does."""
    return number.lstrip(b"-").isdigit() or _is_exact(number)


def _kept(value: bytes) -> bytes:
    """A value as it is, or as a text where reading would change a number in it."""
    if value[:1] == b'"' or not has_long_number(value) or all(map(_survives, _numbers(value))):
        return value
    return _ENCODER.encode(msgspec.json.format(value, indent=-1).decode())


def _numbers(value: bytes) -> Iterable[bytes]:
    return (found for found in _STRING_OR_NUMBER.findall(value) if not found.startswith(b'"'))


def _key(name: str, taken: set[str]) -> str:
    """A name that DuckDB and the decoder can tell from the others: the field's own, nearly always."""
    if name and not _AWKWARD.search(name) and name.casefold() not in taken:
        return name
    number = 1
    while (key := f"field {number}") in taken:
        number += 1
    return key
