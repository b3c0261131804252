"""Stage outputs as JSON files: ``<home>/stages/<source>/<asset>.json``, replaced atomically.

They let the next process, a re-execution from failure or a person pick up where a stage ended. The newest
output per source is kept; what a job published lies with its artifacts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar, cast

import dagster as dg

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.orchestration.failures import failure
from udb_pipelines.orchestration.partitions import parse_key
from udb_pipelines.orchestration.resources import Udb

M = TypeVar("M", bound=Model)


def stage_file(settings: Settings, source: str, asset: str) -> Path:
    """Where the newest output of an asset lies.

    Raises:
        UdbError: ``E_NAME`` when ``source`` is no name: it becomes a folder here.
    """
    _, name = parse_key(source)
    if name != source:
        raise UdbError("E_NAME", "the partition is not the name of a source")
    return settings.stages / source / f"{asset}.json"


def write_stage(settings: Settings, source: str, asset: str, output: Model) -> Path:
    """Store a stage's output; a reader sees the old one or the new one, never half of one."""
    target = stage_file(settings, source, asset)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_text(output.model_dump_json(indent=1), encoding="utf-8")
    partial.replace(target)
    return target


def read_stage(settings: Settings, source: str, asset: str, model: type[M]) -> M:
    """The newest output of an asset.

    Raises:
        UdbError: ``E_STAGE`` when the asset never ran for the source, or its record cannot be read.
    """
    try:
        return model.model_validate_json(stage_file(settings, source, asset).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        what = "has no output yet" if isinstance(error, FileNotFoundError) else "left an output of another version"
        problem = UdbError("E_STAGE", f"{asset} {what} for this source", source=source)
    raise problem


class StageIOManager(dg.IOManager):
    """Passes frozen models between the assets of one source, across processes."""

    def __init__(self, udb: Udb) -> None:
        self._udb = udb

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Store the model; its path is shown with the materialization."""
        own, source = self._udb.at(context.partition_key)
        path = write_stage(own.settings, source, context.asset_key.path[-1], cast(Model, obj))
        context.add_output_metadata({"stage_output": dg.MetadataValue.path(path)})

    def load_input(self, context: dg.InputContext) -> object:
        """Load the model that the parameter's annotation names."""
        model = cast(type[Model], context.dagster_type.typing_type)
        try:
            own, source = self._udb.at(context.partition_key)
            return read_stage(own.settings, source, context.asset_key.path[-1], model)
        except UdbError as error:
            problem = error
        raise failure(problem)
