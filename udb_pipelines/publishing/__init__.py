"""The publish stage: profiles in, files that people and programs read out.

    <artifacts>/<source>/<job id>/manifest.json
                                  index.html            only with more than one dataset
                                  <dataset>/profile.json, metrics.csv, contract.yaml, report.html, audit.log.json
                                  <dataset>/rejects.parquet   rejected rows and values against a type, if any

``publisher`` decides and assembles, ``folder`` makes the whole folder appear at once or not at all,
``manifests`` finds and verifies what is published. ``documents``, ``metrics``, ``report`` and ``charts`` are
pure: models in, text out, the same bytes for the same models.
"""

from udb_pipelines.publishing.charts import bars, histogram, spark, svg_data_uri, timeline
from udb_pipelines.publishing.manifests import (
    keys_of_others,
    latest,
    latest_profiles,
    load_manifest,
    profiles_of_others,
    verify,
)
from udb_pipelines.publishing.publisher import publish

__all__ = [
    "bars",
    "histogram",
    "keys_of_others",
    "latest",
    "latest_profiles",
    "load_manifest",
    "profiles_of_others",
    "publish",
    "spark",
    "svg_data_uri",
    "timeline",
    "verify",
]
