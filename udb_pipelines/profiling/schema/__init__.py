"""The JSON Schema of ``profile.json``, generated from the model and shipped with the package."""

from __future__ import annotations

import json
from importlib.resources import files

from udb_pipelines.models import Profile

FILE_NAME = "profile.v1.json"


def generate() -> str:
    """The schema of the model as it is now, as the file's text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:udb:{FILE_NAME}",
        **Profile.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def published() -> str:
    """The schema as shipped, to be put beside the profiles."""
    return files(__package__).joinpath(FILE_NAME).read_text(encoding="utf-8")
