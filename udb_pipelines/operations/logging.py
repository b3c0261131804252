"""Log lines on stderr: JSON for programs, one readable line each for people.

Every line has ``timestamp, level, job_id, source, stage, event, message``, null where nothing is known, followed by
the fields of :data:`scrub.LOG_FIELDS` that the call gave. ``event`` is a constant name to search for, ``message`` a
sentence. Secrets and values from the data never get here (see :mod:`udb_pipelines.operations.scrub`).

What other libraries log through the standard library is let through from WARNING on, without the arguments and the
exception texts, because both may hold data.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from udb_pipelines.config import Settings
from udb_pipelines.operations import scrub

ALWAYS = ("timestamp", "level", "job_id", "source", "stage", "event", "message")

_TRUSTED = ("alembic", "dagster", "httpcore", "httpx", "uvicorn")
"""Loggers whose message templates are shown; of all others only the name is."""

_COLOURS = {"debug": "2", "info": "36", "warning": "33", "error": "31", "critical": "1;31"}


def configure(settings: Settings, level: str | None = None) -> None:
    """Send the log of this process to stderr; ``level`` overrides the setting. May be called again."""
    scrub.register_settings(settings)
    least = logging.getLevelNamesMapping()[level or settings.log_level]
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _without_exception_text,
            _complete,
            _scrubbed,
            _as_text if as_text else _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=_StderrLogger,
        cache_logger_on_first_use=False,
    )
    _route_standard_library(max(least, logging.WARNING))


def get_logger() -> FilteringBoundLogger:
    """The logger: ``get_logger().info("sync.committed", message="3 datasets committed", rows=10)``."""
    return cast(FilteringBoundLogger, structlog.get_logger())


@contextmanager
def context(**known: str | None) -> Iterator[None]:
    """Add ``job_id``, ``source`` or ``stage`` to every line logged inside."""
    with structlog.contextvars.bound_contextvars(**known):
        yield


def where(trace: TracebackType | None, frames: int = 8) -> list[str]:
    """The innermost ``frames`` of a traceback as ``module:function:line``: neither source text nor values."""
    places = []
    while trace:
        frame = trace.tb_frame
        places.append(f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-frames:]


class _StderrLogger:
    """Writes to whatever ``sys.stderr`` is at that moment, so that a progress display can redraw below it."""

    def __init__(self, *_: object) -> None: ...

    def msg(self, line: str) -> None:
        """Write one line in one call, so that lines of several processes do not mix."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = log = msg


def _without_exception_text(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__name__
        event["where"] = where(error.__traceback__)
    return event


def _complete(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    ordered: EventDict = dict.fromkeys(ALWAYS)
    ordered["timestamp"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ordered.update(event)
    if ordered["message"] is None:
        ordered["message"] = ordered["event"]
    return ordered


def _scrubbed(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return scrub.fields(event)


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return json.dumps(event, ensure_ascii=False)


def _as_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    level = str(event["level"])
    shown = f"{level.upper():<8}"
    if sys.stderr.isatty():
        shown = f"\x1b[{_COLOURS.get(level, '0')}m{shown}\x1b[0m"
    place = "/".join(str(event[name]) for name in ("source", "stage") if event[name])
    extra = " ".join(f"{name}={_plain(item)}" for name, item in event.items() if name not in ALWAYS)
    local_time = datetime.now().astimezone().strftime("%H:%M:%S")
    return " ".join(part for part in (local_time, shown, place, str(event["message"]), extra) if part)


def _plain(item: object) -> str:
    return f"{item:.3f}" if isinstance(item, float) else str(item)


class _ForeignHandler(logging.Handler):
    """Turns records of other libraries into lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        trusted = record.name.split(".")[0] in _TRUSTED
        template = str(record.msg).partition("\n")[0] if trusted else scrub.WITHHELD
        log = get_logger()
        log.log(
            record.levelno,
            "log.foreign",
            message=template,
            logger=record.name,
            exc_info=record.exc_info,
        )


def _route_standard_library(least: int) -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _ForeignHandler):
            root.removeHandler(handler)
    root.addHandler(_ForeignHandler(least))
    root.setLevel(least)
    logging.captureWarnings(True)
    # Our exporter tells once that traces cannot be delivered; the library would tell it at every batch.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
