"""What is it? From a path, URL or DSN to formats, dialects, schemas, with evidence; never silently wrong."""

from udb_pipelines.detection.stage import detect

__all__ = ["detect"]
