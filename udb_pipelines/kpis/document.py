"""``kpis.yaml``: found, read and checked, every mistake with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udb_pipelines.errors import UdbError
from udb_pipelines.kpis.definitions import Project

if TYPE_CHECKING:
    import yaml

    from udb_pipelines.config import Settings

DEFAULT = Path("kpis.yaml")
LARGEST = 1_000_000
"""Bytes of a file of KPIs."""

Place = tuple[str | int, ...]


def project_file(settings: Settings) -> Path | None:
    """The project's file: the one that is set, else ``kpis.yaml`` in the current folder; None where there is none."""
    if settings.kpis is not None:
        return settings.kpis
    return DEFAULT.absolute() if DEFAULT.is_file() else None


def load(path: Path) -> Project:
    """Read a file of KPIs.

    Raises:
        UdbError: ``E_KPIS`` with file and line of what is wrong, all mistakes at once.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UdbError("E_KPIS", f"{path.name} is larger than {LARGEST:,} bytes")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UdbError("E_KPIS", f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UdbError("E_KPIS", f"{path.name} cannot be read ({type(error).__name__})") from None
    return parse(text, path.name)


def parse(text: str, name: str = "kpis.yaml") -> Project:
    """Check the text of a file of KPIs; ``name`` is told with each mistake.

    Raises:
        UdbError: ``E_KPIS``.
    """
    import yaml
    from pydantic import ValidationError

    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        content = yaml.safe_load(text) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UdbError("E_KPIS", f"{name}, line {line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UdbError("E_KPIS", f"{name}: not YAML ({type(error).__name__})") from None
    lines = dict(_lines(root)) if root is not None else {}
    try:
        project = Project.model_validate(content)
    except ValidationError as error:
        problems = [(_line(lines, item["loc"]), _place(item["loc"]), item["msg"]) for item in error.errors()]
        raise _wrong(name, problems) from None
    if repeated := list(_repeated(project, lines)):
        raise _wrong(name, repeated)
    return project


def _repeated(project: Project, lines: dict[Place, int]) -> Iterator[tuple[int, str, str]]:
    """Names that stand twice; KPIs and views have names of their own each."""
    for kind, names in (("views", [v.name for v in project.views]), ("kpis", [k.name for k in project.kpis])):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield _line(lines, (kind, index, "name")), f"{kind}.{index}.name", f"{name} stands twice"


def _wrong(name: str, problems: list[tuple[int, str, str]]) -> UdbError:
    told = "; ".join(f"line {line}: {place}: {said}" for line, place, said in sorted(problems))
    return UdbError("E_KPIS", f"{name}, {told}")


def _lines(root: yaml.Node) -> Iterator[tuple[Place, int]]:
    """Every key and list entry with its line, from 1."""
    import yaml

    waiting: list[tuple[Place, yaml.Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        children: list[tuple[Any, yaml.Node, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            children = [(key.value, key, value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            children = [(index, value, value) for index, value in enumerate(node.value)]
        for key, at, value in children:
            yield (*path, key), at.start_mark.line + 1
            waiting.append(((*path, key), value))


def _line(lines: dict[Place, int], place: Place) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _place(place: Place) -> str:
    return ".".join(map(str, place)) or "the file"
