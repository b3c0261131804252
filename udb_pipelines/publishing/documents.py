"""The JSON artifacts: ``profile.json`` and ``audit.log.json``. Pure functions, models in, text out."""

from __future__ import annotations

import json
import platform
import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, version

import udb_pipelines
from udb_pipelines.models import DetectedStream, Detection, Profile, SyncResult

AUDIT_VERSION = 1
_SHA256 = re.compile("[0-9a-f]{64}")
_OF_THE_MOMENT = frozenset({"profiled_at", "seconds", "sufficiency", "drift"})
"""What of a profile depends on when it was made: freshness, and what it is compared with."""
PACKAGES = ("dagster", "duckdb", "duckdb-extension-ducklake", "pyarrow", "pydantic")


def profile_json(profile: Profile) -> str:
    """The profile as JSON: fields in the model's order, indented, no NaN, the same bytes for the same profile."""
    return profile.model_dump_json(indent=2) + "\n"


def same_profile(one: str, other: str) -> bool:
    """Whether two ``profile.json`` say the same of the data.

    When they were made does not count, nor do digits after the ninth: a sum over several threads may
    differ in the last ones.
    """
    return _said(one) == _said(other)


def _said(text: str) -> dict[str, object]:
    content = json.loads(text, parse_float=lambda digits: f"{float(digits):.9g}")
    return {name: value for name, value in content.items() if name not in _OF_THE_MOMENT}


def audit_json(
    profile: Profile,
    sync: SyncResult,
    detection: Detection,
    stream: DetectedStream | None,
    seconds: dict[str, float],
    versions: dict[str, str],
) -> str:
    """What was done, to what, with which result, and never a value from the data.

    ``stream`` is how the dataset was read; without it (the dataset is no longer in the source) the facts
    of reading are null. ``errors`` counts the rows or values of each code; a code that concerns the file
    as a whole counts as one.
    """
    errors: Counter[str] = Counter()
    for finding in profile.findings:
        errors[finding.code] += finding.count or 1
    audit = {
        "audit_version": AUDIT_VERSION,
        "run_id": profile.job_id,
        "source": profile.source,
        "dataset": profile.dataset,
        "dataset_version": profile.version,
        "committed_by": sync.job_id,
        "committed_at": sync.committed_at.isoformat(),
        "profiled_at": profile.profiled_at.isoformat(),
        "verdict": profile.verdict,
        "input": _input(detection, stream),
        "rows": {"read": profile.rows_read, "rejected": profile.rows_rejected, "in_dataset": profile.rows},
        "columns": len(profile.columns),
        "seconds": {stage: round(value, 6) for stage, value in seconds.items()},
        "errors": dict(sorted(errors.items())),
        "software": versions,
    }
    return json.dumps(audit, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def software_versions() -> dict[str, str]:
    """Versions of UDB, Python and the libraries that decide about results."""
    found = {"udb-pipelines": udb_pipelines.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # an optional part is not installed; absent says so
    return found


def _input(detection: Detection, stream: DetectedStream | None) -> dict[str, object]:
    errors = {finding.code for finding in (*detection.findings, *(stream.findings if stream else ()))}
    dialect = stream.dialect if stream else None
    return {
        "connector": detection.connector,
        "fingerprint": detection.fingerprint,
        "sha256": detection.fingerprint if _SHA256.fullmatch(detection.fingerprint) else None,
        "sha256_of": "names (of several files), contents and the options that decide how they are read",
        "bytes": detection.bytes,
        "format": stream.format if stream else None,
        "compression": stream.compression if stream else None,
        "encoding": stream.encoding if stream else None,
        "utf8_valid": _is_utf8(stream.encoding) and "E_UTF8_INVALID" not in errors if stream else None,
        "delimiter": dialect.delimiter if dialect else None,
        "quote": dialect.quote if dialect else None,
        "newline": dialect.newline if dialect else None,
    }


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("_", "-") in {"utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii"}
