"""What is read of MongoDB: a collection, or what a query in JSON asks of one.

A query is one JSON object: ``{"collection": "orders", "filter": {"open": true}, "projection": {"lines": 0}}`` or
``{"collection": "orders", "pipeline": [{"$unwind": "$lines"}]}``, in MongoDB's Extended JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bson import json_util

from udb_pipelines.errors import UdbError

ORDERED = ("filter", "sort", "skip", "limit", "projection")
"""What a query may say of the documents, in the order in which a search applies it."""
STAGES = {"filter": "$match", "projection": "$project", "sort": "$sort", "skip": "$skip", "limit": "$limit"}
WRITING = ("$out", "$merge")


@dataclass(frozen=True)
class Part:
    """Documents of a collection, as an aggregation makes them."""

    database: str | None
    collection: str
    pipeline: tuple[Mapping[str, Any], ...] = ()

    def then(self, *stages: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The pipeline, with more stages."""
        return [*self.pipeline, *stages]


def of_collection(member: str) -> Part:
    """All documents of ``database.collection``; the collection's name may hold dots."""
    database, _, collection = member.partition(".")
    return Part(database, collection)


def of_query(name: str, query: str) -> Part:
    """What the query called ``name`` asks for.

    >>> of_query("x", '{"collection": "a", "filter": {"n": 1}, "projection": {"n": 1}}').pipeline
    ({'$match': {'n': 1}}, {'$project': {'n': 1}})

    Raises:
        UdbError: ``E_SQL`` for what is no query, or writes.
    """
    try:
        asked = json_util.loads(query, json_options=json_util.JSONOptions(tz_aware=False))
    except (ValueError, TypeError):
        raise _refused(name, "it is no JSON") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("collection"), str):
        raise _refused(name, "it names no collection")
    if unknown := asked.keys() - {"collection", "pipeline", *ORDERED}:
        raise _refused(name, f"{', '.join(sorted(unknown))} is not known")
    if "pipeline" in asked and asked.keys() & set(ORDERED):
        raise _refused(name, f"it has a pipeline and {', '.join(sorted(asked.keys() & set(ORDERED)))}")
    stages = asked.get("pipeline", [{STAGES[key]: asked[key]} for key in ORDERED if asked.get(key)])
    if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
        raise _refused(name, "its pipeline is no list of stages")
    if any(word in stage for stage in stages for word in WRITING):
        raise _refused(name, "its pipeline writes")
    return Part(None, asked["collection"], tuple(stages))


def _refused(name: str, why: str) -> UdbError:
    return UdbError(
        "E_SQL",
        f"the query {name} is none: {why}",
        remedy='write {"collection": "NAME", "filter": {...}} or {"collection": "NAME", "pipeline": [...]}',
    )
