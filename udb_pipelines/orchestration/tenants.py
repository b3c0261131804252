"""Housekeeping of one tenant after the other: the trouble of one keeps no other from its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

from udb_pipelines.orchestration.failures import in_stage

if TYPE_CHECKING:
    from udb_pipelines.orchestration.resources import Udb

T = TypeVar("T")


def of_each_tenant(
    udb: Udb, stage: str, job_id: str, work: Callable[[Udb], T]
) -> tuple[list[tuple[str, T]], dg.Failure | None]:
    """What ``work`` gives for each tenant, by name; and one failure that names all for whom it failed.

    Whoever calls this tells what was done, then raises the failure if there is one.
    """
    done: list[tuple[str, T]] = []
    failed: list[tuple[str, dg.Failure]] = []
    for own in udb.tenants():
        tenant = own.settings.tenant
        try:
            done.append((tenant, in_stage(stage, job_id=job_id, source=tenant, work=partial(work, own))))
        except dg.Failure as error:
            failed.append((tenant, error))
    if len(failed) < 2:
        return done, failed[0][1] if failed else None
    described = "; ".join(f"{tenant}: {error.description}" for tenant, error in failed)
    return done, dg.Failure(described, metadata=failed[0][1].metadata, allow_retries=False)
