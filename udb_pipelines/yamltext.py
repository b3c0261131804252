"""YAML that people write: read with the line of every key, written so that every YAML reader understands it alike.

YAML 1.1 takes ``NO`` for a boolean and ``2024-01-01`` for a date; a list of country codes must not become a list of
truths. So only ``true`` and ``false``, numbers and null are read as anything but text, and whatever is written
from data is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from udb_pipelines.errors import UdbError

Checked = TypeVar("Checked", bound=BaseModel)

Path = tuple[str | int, ...]
"""Where something stands in a document: ``("schema", 0, "properties", 3, "name")``."""

LARGEST = 10_000_000
"""Characters of a document; ten thousand columns need less."""
MOST_NODES = 500_000
"""Values of a document, aliases counted as often as they are used: nine lines of aliases can stand for a billion."""

DEEPEST = 50
"""Levels of a document; the parser itself is recursive, and has no limit of its own."""


@dataclass(frozen=True)
class Document:
    """A text and what it says."""

    text: str
    content: Mapping[str, Any]
    lines: Mapping[Path, int]
    """Line, from 1, of every key and list entry."""

    def line(self, path: Path) -> int | None:
        """The line of ``path``, or of what is nearest around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


class Quoted(str):
    """Text that is written in double quotes, whatever it looks like."""

    __slots__ = ()


class _Loader(yaml.CSafeLoader):
    """Plain words are text, but for the few that every version of YAML reads alike."""


_Loader.yaml_implicit_resolvers = {}
_WHOLE = r"(?:0|[1-9][0-9]*)"
"""No leading zeros: 007 is a text."""

for _tag, _pattern, _first in (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", rf"[-+]?{_WHOLE}$", "-+0123456789"),
    ("float", rf"[-+]?(?:{_WHOLE}\.[0-9]*|\.[0-9]+|{_WHOLE}(?=[eE]))(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("merge", r"(?:<<)$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    return float(loader.construct_scalar(node))


# PyYAML's own knows 1.1's notations, and takes 1:30 for a number of base 60.
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


class _Dumper(yaml.CSafeDumper):
    """Keys in the order given; no aliases, which few people read."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _quote(dumper: _Dumper, text: Quoted) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


_Dumper.add_representer(Quoted, _quote)


def read(text: str, code: str) -> Document:
    """Read a document.

    Raises:
        UdbError: ``code`` with the line at which the text stops being YAML, or repeats a key.
    """
    if len(text) > LARGEST:
        raise wrong(code, f"it is longer than {LARGEST:,} characters")
    loader = _Loader(text)
    try:
        _refuse_depth(text, code)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise wrong(code, "it is not a mapping of keys to values", 1)
        lines = dict(_lines(root, code))
        content = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "it is not YAML"
        raise wrong(code, said, mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise wrong(code, f"it is not YAML ({type(error).__name__})") from None
    finally:
        loader.dispose()
    return Document(text, content, lines)


def write(content: Mapping[str, Any], comment: str = "") -> str:
    """A document as YAML, the same bytes for the same content; ``comment`` goes before it, a ``#`` on each line."""
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    body: str = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return head + body


def wrong(code: str, said: str, line: int | None = None) -> UdbError:
    """The error about a document that cannot be used."""
    return UdbError(code, f"line {line}: {said}" if line else said)


def as_model(document: Document, model: type[Checked], code: str) -> Checked:
    """What a document says, checked.

    Raises:
        UdbError: ``code`` with the line and place of every mistake.
    """
    try:
        return model.model_validate(document.content)
    except ValidationError as error:
        mistakes = sorted(
            {_mistake(document, item["loc"], _IN_WORDS.get(item["type"], item["msg"])) for item in error.errors()}
        )
        raise UdbError(code, "; ".join(f"line {line}: {place}: {said}" for line, place, said in mistakes)) from None


_IN_WORDS = {"extra_forbidden": "there is no such field", "missing": "is missing"}
"""What pydantic calls "Extra inputs are not permitted" and "Field required"."""


def _mistake(document: Document, place: Path, said: str) -> tuple[int, str, str]:
    return document.line(place) or 1, ".".join(map(str, place)) or "the document", said


def _refuse_depth(text: str, code: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise wrong(code, f"it is nested deeper than {DEEPEST} levels", line)


def _lines(root: yaml.Node, code: str) -> Iterator[tuple[Path, int]]:
    """Every key and entry with its line.

    Raises:
        UdbError: a key stands twice in one mapping, or aliases make the document endless.
    """
    waiting: list[tuple[Path, yaml.Node]] = [((), root)]
    seen = 0
    while waiting:
        path, node = waiting.pop()
        for key, place, value in _children(node, code):
            seen += 1
            if seen > MOST_NODES or len(path) > DEEPEST:
                raise wrong(code, f"it holds more than {MOST_NODES:,} values, aliases resolved, or itself", place)
            yield (*path, key), place
            waiting.append(((*path, key), value))


def _children(node: yaml.Node, code: str) -> Iterator[tuple[str | int, int, yaml.Node]]:
    if isinstance(node, yaml.SequenceNode):
        for number, entry in enumerate(node.value):
            yield number, entry.start_mark.line + 1, entry
    elif isinstance(node, yaml.MappingNode):
        keys = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise wrong(code, "a key is not plain text", line)
            if key.value in keys:
                raise wrong(code, f"the key {key.value} stands here twice", line)
            keys.add(key.value)
            yield key.value, line, value
