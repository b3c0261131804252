"""Rows staged as a connector stages them: Parquet in the job's folder, counted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.models import ColumnSchema, SourceOptions, StagedDataset, StagedSync


@dataclass(frozen=True)
class Stager:
    """Makes a :class:`StagedSync` of the rows of SQL queries."""

    settings: Settings

    def __call__(
        self,
        *queries: str,
        source: str = "shop",
        dataset: str | None = None,
        job_id: str | None = None,
        state: dict[str, Any] | None = None,
        options: SourceOptions | None = None,
        **fields: Any,
    ) -> StagedSync:
        """One dataset whose files are the results of ``queries``; ``fields`` override those of the dataset."""
        job = job_id or str(uuid.uuid4())
        staged = self.dataset(job, *queries, dataset=dataset or source, **fields)
        return StagedSync(
            job_id=job,
            source=source,
            fingerprint=f"fingerprint of {job}",
            datasets=(staged,),
            state=state or {},
            options=options or SourceOptions(),
        )

    def dataset(self, job: str, *queries: str, dataset: str, **fields: Any) -> StagedDataset:
        folder = self.settings.staging / job
        folder.mkdir(parents=True, exist_ok=True)
        files, rows, columns = [], 0, ()
        with duckdb.connect() as connection:
            for number, query in enumerate(queries):
                file = folder / f"{dataset}_{number}.parquet"
                relation = connection.sql(query)
                relation.write_parquet(str(file))
                rows += len(relation.fetchall())
                columns = tuple(
                    ColumnSchema(name=name, type=str(kind), original_name=f"The {name}")
                    for name, kind in zip(relation.columns, relation.types, strict=True)
                )
                files.append(file)
        facts = {
            "dataset": dataset, "parquet": tuple(files), "columns": columns, "rows_read": rows, "rows_staged": rows,
            "rows_rejected": 0,
        }  # fmt: skip
        return StagedDataset(**{**facts, **fields})
