"""Where the process starts and ends: every way a command can end becomes words and an exit code here."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from udb_pipelines.cli.present import INTERRUPTED
from udb_pipelines.errors import Exit, UdbError


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run ``udb`` with ``arguments`` (the process's own by default) and leave with its exit code."""
    # Importing Dagster makes half a million objects that stay; looking through them for garbage again and again
    # costs 0.3 CPU-seconds of every command.
    gc.set_threshold(500_000, 20, 50)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        code = _closed_pipe()
    gc.freeze()  # the process ends here: the last search for garbage would cost as much again
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        return _dispatch(arguments)
    except UdbError as error:
        return _failed(error, as_json)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. What was committed is kept; what was not is gone.\n")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        from udb_pipelines.operations.logging import get_logger
        from udb_pipelines.operations.stages import translate

        failure = translate(error)
        if failure.code == "E_INTERNAL":
            get_logger().error("command.failed", message=failure.message, exc_info=error)
        return _failed(failure, as_json)


def _failed(error: UdbError, as_json: bool) -> int:
    from udb_pipelines.cli.errors import show_error

    show_error(error, as_json)
    return int(error.exit_code)


def _dispatch(arguments: list[str]) -> int:
    import click

    from udb_pipelines.cli.app import program
    from udb_pipelines.cli.errors import show_usage_error

    try:
        result = program()(arguments, prog_name="udb", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stdout.write(error.format_message() + "\n")
        return int(Exit.USAGE)
    except click.ClickException as error:
        show_usage_error(error, "--json" in arguments)
        return int(Exit.USAGE)
    except click.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as leaving:
        # Click turns a closed pipe into exit code 1.
        if isinstance(leaving.__context__, BrokenPipeError):
            raise leaving.__context__ from None
        raise
    return result if isinstance(result, int) else int(Exit.OK)


def _closed_pipe() -> int:
    # The reader (head, less) has seen enough. Python would complain once more when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(Exit.OK)
