"""``kpis.yaml``: found, read and checked, every mistake with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from udb_pipelines.errors import UdbError
from udb_pipelines.kpis.definitions import Project

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.yamltext import Document

DEFAULT = Path("kpis.yaml")
LARGEST = 1_000_000
"""Bytes of a file of KPIs."""

CODE = "E_KPIS"


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
            raise UdbError(CODE, f"{path.name} is larger than {LARGEST:,} bytes")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UdbError(CODE, f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UdbError(CODE, f"{path.name} cannot be read ({type(error).__name__})") from None
    return parse(text, path.name)


def parse(text: str, name: str = "kpis.yaml") -> Project:
    """Check the text of a file of KPIs; ``name`` is told with each mistake.

    Raises:
        UdbError: ``E_KPIS``.
    """
    from udb_pipelines import yamltext

    if all(line.strip() == "" or line.lstrip().startswith("#") for line in text.splitlines()):
        return Project()
    try:
        document = yamltext.read(text, CODE)
        project = yamltext.as_model(document, Project, CODE)
    except UdbError as error:
        raise UdbError(CODE, f"{name}, {error.message}") from None
    if repeated := list(_repeated(project, document)):
        raise UdbError(CODE, f"{name}, {'; '.join(repeated)}")
    return project


def _repeated(project: Project, document: Document) -> Iterator[str]:
    """Names that stand twice; KPIs and views have names of their own each."""
    for kind, names in (("views", [v.name for v in project.views]), ("kpis", [k.name for k in project.kpis])):
        for index, name in enumerate(names):
            if name in names[:index]:
                line = document.line((kind, index, "name"))
                yield f"line {line}: {kind}.{index}.name: {name} stands twice"
