"""Every way a job can fail or warn, listed once.

A code says what went wrong; an :class:`UdbError` says it to a person: what happened, to which source
and stage, what was kept, and what to do. Messages name files, columns, rows and codes, never a value
from the data and never a secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

STAGES = ("detect", "provision", "sync", "analyze", "publish")


class Severity(StrEnum):
    """How much a finding matters; the worst one decides a verdict."""

    ERROR = "error"
    WARNING = "warning"


class Exit(IntEnum):
    """Exit codes of the ``udb`` command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INPUT = 3
    """The source cannot be read, or is not a table; nothing was loaded."""
    DATA = 4
    """The source was read, but its content broke a rule (rejects, counts, contract)."""
    ENVIRONMENT = 5
    """Disk, lock, catalog or configuration; the data is not to blame."""


@dataclass(frozen=True)
class CodeInfo:
    """What a code means, for the reference table in ``docs/errors.md`` and for exit codes."""

    severity: Severity
    meaning: str
    remedy: str
    exit_code: Exit = Exit.OK


def _error(meaning: str, remedy: str, exit_code: Exit = Exit.OK) -> CodeInfo:
    return CodeInfo(Severity.ERROR, meaning, remedy, exit_code)


def _warning(meaning: str, remedy: str) -> CodeInfo:
    return CodeInfo(Severity.WARNING, meaning, remedy)


CODES: dict[str, CodeInfo] = {
    # The source cannot be read.
    "E_NOT_FOUND": _error(
        "no file, folder or host under that name", "check the spelling and the folder you are in", Exit.INPUT
    ),
    "E_UNREADABLE": _error(
        "the source exists but may not be read", "grant read permission to the user running udb", Exit.INPUT
    ),
    "E_EMPTY": _error("the source holds no data", "check how the file was produced, then run again", Exit.INPUT),
    "E_NO_DATA_FILES": _error(
        "the folder or pattern matches no data file", "name a folder or pattern that holds data", Exit.INPUT
    ),
    "E_NOT_A_TABLE": _error(
        "the content is not a table in any known format",
        "convert it to a supported format, or name the format with --format",
        Exit.INPUT,
    ),
    "E_CORRUPT": _error("the file is damaged or cut off", "fetch or export the file again", Exit.INPUT),
    "E_ENCRYPTED": _error("the file is protected by a password", "remove the protection, then run again", Exit.INPUT),
    "E_TOO_WIDE": _error(
        "the table has more columns than the warehouse's catalog can hold",
        "turn columns into rows at the source, or load it in parts of fewer columns",
        Exit.INPUT,
    ),
    "E_TOO_LARGE": _error(
        "unpacked, the file is larger than the limit",
        "raise UDB_MAX_EXPANDED_GB if the file is to be trusted",
        Exit.INPUT,
    ),
    "E_VANISHED": _error(
        "the source changed or disappeared while it was read",
        "wait until the producer has finished, then run again",
        Exit.INPUT,
    ),
    "E_AUTH": _error("the credentials were refused", "correct the credentials of the source", Exit.INPUT),
    "E_HOST_KEY": _error(
        "an SFTP server is not known by its key, or shows another one",
        "compare the key with what the server's operator says, then pin it: --config host_key='…'",
        Exit.INPUT,
    ),
    "E_CONNECT": _error("the host cannot be reached", "check address, network and that the server runs", Exit.INPUT),
    "E_EGRESS": _error(
        "the address of a host that may not be reached",
        "if it is to be trusted, its operator lists it in UDB_EGRESS_ALLOW",
        Exit.INPUT,
    ),
    "E_CONNECTOR": _error(
        "a connector cannot be installed, or failed",
        "udb connectors show NAME tells what it needs; udb sources test SOURCE tries it",
        Exit.INPUT,
    ),
    "E_HTTP": _error("the server answered with an error", "open the URL by hand to see its answer", Exit.INPUT),
    "E_UNSUPPORTED": _error(
        "the kind of source is known, but this version cannot read it",
        "export the data to CSV or Parquet",
        Exit.INPUT,
    ),
    # The content breaks a rule.
    "E_UTF8_INVALID": _error(
        "a byte sequence that is not in the detected encoding",
        "declare the encoding with --encoding",
        Exit.DATA,
    ),
    "E_HEADER_MISSING": _error(
        "no header where one was declared", "declare --header none, or mend the file", Exit.DATA
    ),
    "E_HEADER_EMPTY": _error("a column has no name", "the name given instead is listed; name it in the source"),
    "E_HEADER_DUPLICATE": _error(
        "a column name stands twice", "the name given instead is listed; rename it in the source"
    ),
    "E_DIALECT": _error(
        "the file has one column although a delimiter is plausible",
        "name the delimiter with --delimiter",
        Exit.DATA,
    ),
    "E_JAGGED_ROW": _error("a row has too few or too many fields", "mend the row at the source, or allow rejects"),
    "E_BOUNDARY": _error(
        "text crosses the boundary between two columns of fixed width",
        "mend the line, or name the widths with --widths",
    ),
    "E_LINE_TOO_LONG": _error(
        "a line is longer than the columns of fixed width", "mend the line, or name the widths with --widths"
    ),
    "E_ROW_EMPTY": _error("a blank line inside the data", "nothing to do; the line was skipped"),
    "E_QUOTE_RULE": _error("a quote inside a value is not doubled, or not closed", "mend the row at the source"),
    "E_UNQUOTED_DELIM": _error(
        "a row has too many fields because a delimiter inside a value is not quoted", "quote the value at the source"
    ),
    "E_UNQUOTED_NEWLINE": _error(
        "a row is cut in two because a line end inside a value is not quoted", "quote the value at the source"
    ),
    "E_REJECTS": _error(
        "more rows were rejected than the source allows",
        "look at rejects.parquet, mend the source, or raise --max-reject-pct",
        Exit.DATA,
    ),
    "E_COUNT_MISMATCH": _error(
        "rows read are not rows committed plus rows rejected",
        "report this file: UDB refuses to publish what it cannot account for",
        Exit.DATA,
    ),
    "E_SCHEMA_CHANGE": _error(
        "the columns changed in a way the source does not allow",
        "set on_schema_change to evolve, or mend the source",
        Exit.DATA,
    ),
    "E_NUMERIC_FORMAT": _error("values that are not numbers in a numeric column", "mend them at the source"),
    "E_MONEY_FORMAT": _error("values that are not amounts in a money column", "mend them at the source"),
    "E_DATE_INVALID": _error("values that are not dates in a date column", "mend them at the source"),
    "E_DATE_MIXED_FORMAT": _error("dates in another format than the column's", "write all dates in one format"),
    "E_MIXED_TYPE": _error("a column mixes several types", "split the column, or agree on one type"),
    "E_KEY_DUPLICATE": _error(
        "a confirmed key does not identify every row", "mend the rows at the source, or confirm another key"
    ),
    "E_KEY_MISSING": _error("a column of a confirmed key is gone", "confirm another key: udb keys confirm"),
    # The data is not what its contract promises.
    "E_CONTRACT_BLOCKED": _error(
        "the data breaks a contract that blocks",
        "mend the data at the source, or change the contract: udb contract pin",
        Exit.DATA,
    ),
    "E_CONTRACT_SCHEMA": _error("a column is not as the contract promises", "mend the source, or the contract"),
    "E_CONTRACT_VALUES": _error("values that the contract rules out", "mend them at the source, or the contract"),
    "E_CONTRACT_KEY": _error("the contract promises a key that is not unique", "remove the duplicates at the source"),
    "E_CONTRACT_QUALITY": _error("a figure is not within what the contract promises", "mend the source"),
    # The environment fails.
    "E_DISK_FULL": _error("no space is left on the disk", "free space, then run again", Exit.ENVIRONMENT),
    "E_SPILL_FULL": _error(
        "temporary space is over the limit", "raise UDB_MAX_SPILL_GB or free disk space", Exit.ENVIRONMENT
    ),
    "E_MEMORY": _error("the memory limit is reached", "raise UDB_MEMORY_LIMIT, or lower UDB_THREADS", Exit.ENVIRONMENT),
    "E_NOT_WRITABLE": _error(
        "a file or folder of UDB may not be written",
        "grant write permission on UDB_HOME to the user running udb",
        Exit.ENVIRONMENT,
    ),
    "E_LOCK_TIMEOUT": _error(
        "another job kept the warehouse locked for too long",
        "wait for the holder, or raise UDB_LOCK_TIMEOUT_SECONDS",
        Exit.ENVIRONMENT,
    ),
    "E_WAREHOUSE": _error("the warehouse refused the operation", "run: udb doctor", Exit.ENVIRONMENT),
    "E_TARGET": _error(
        "the target of the snapshots refuses to be used",
        "correct UDB_SNAPSHOT_TARGET or UDB_ARCHIVE_TARGET, or the credentials; see udb config",
        Exit.ENVIRONMENT,
    ),
    "E_TARGET_DOWN": _error(
        "the target of the snapshots does not answer",
        "check network and store; the next snapshot or copy takes what is missing",
        Exit.ENVIRONMENT,
    ),
    "E_SNAPSHOT": _error(
        "a snapshot is missing, incomplete or damaged",
        "choose another: udb snapshot list; udb snapshot verify says what is damaged",
        Exit.ENVIRONMENT,
    ),
    "E_CONTROL": _error(
        "the control database cannot be used",
        "check UDB_CONTROL_URL and that its server runs; udb doctor tells more",
        Exit.ENVIRONMENT,
    ),
    "E_CONFIG": _error("a setting is invalid", "correct the variable; udb config lists them", Exit.USAGE),
    "E_NAME": _error("the name is not allowed or already taken", "choose another name with --as", Exit.USAGE),
    "E_TENANT": _error("there is no such tenant, or its id is not allowed", "udb tenants list shows them", Exit.USAGE),
    "E_HOLD": _error("there is no such legal hold", "udb retention hold list shows them", Exit.USAGE),
    "E_STAGE": _error("an earlier stage left nothing to go on from", "run the whole job: udb run", Exit.USAGE),
    "E_OPTION": _error("an option of the source is invalid", "see udb run --help", Exit.USAGE),
    "E_NO_REPORT": _error("nothing has been published of the source", "run it: udb run NAME", Exit.USAGE),
    "E_SOURCE_UNKNOWN": _error("no source has that name", "udb sources list shows the names", Exit.USAGE),
    "E_VERSION": _error("the warehouse holds no such version", "udb jobs lists the versions", Exit.USAGE),
    "E_TIMELINE": _error(
        "the warehouse has no such timeline, or it cannot be used for that", "udb restore list shows them", Exit.USAGE
    ),
    "E_RESTORED": _error(
        "the warehouse was restored to another version while the job ran", "run the job again", Exit.ENVIRONMENT
    ),
    "E_RESTORE": _error(
        "what is to be restored is damaged or incomplete; nothing was changed",
        "restore to the time that the message names, or from a snapshot: udb restore from",
        Exit.ENVIRONMENT,
    ),
    "E_SECRET_INLINE": _error(
        "a password stands in the address of a source",
        "put it into an environment variable and write ${NAME} in its place",
        Exit.USAGE,
    ),
    "E_SOURCES": _error(
        "sources.yaml cannot be used",
        "correct the lines named; nothing was changed",
        Exit.USAGE,
    ),
    "E_SECRET_KEY": _error(
        "the encrypted secrets cannot be opened",
        "set UDB_SECRET_KEY to the key they were stored with; udb secrets key makes a first one",
        Exit.USAGE,
    ),
    "E_CONTRACT": _error(
        "the contract cannot be used",
        "correct it at the line named; it follows the Open Data Contract Standard 3.1",
        Exit.USAGE,
    ),
    "E_SQL": _error("the query is wrong or not allowed", "correct the query; only reading is allowed", Exit.USAGE),
    "E_KPIS": _error("the file of KPIs is wrong", "correct the line; docs/kpis.md shows how it looks", Exit.USAGE),
    "E_INTERNAL": _error("UDB itself failed", "run again with UDB_LOG_LEVEL=DEBUG and report it", Exit.FAILED),
    # Worth knowing, never in the way.
    "W_BOM": _warning("the file begins with a byte order mark", "nothing to do; it was removed"),
    "W_LINE_ENDING": _warning("line endings are mixed", "nothing to do; all were understood"),
    "W_ENCODING_GUESSED": _warning("the encoding was guessed", "declare it with --encoding if letters look wrong"),
    "W_EXTENSION_MISMATCH": _warning("the content is not what the file's extension says", "rename the file"),
    "W_DELIMITER_MISMATCH": _warning("the delimiter is not what the extension says", "nothing to do"),
    "W_DIALECT_AMBIGUOUS": _warning(
        "two dialects explain the file almost equally well", "pin --delimiter or --quote if the other is right"
    ),
    "W_PREAMBLE": _warning("lines before the header were skipped", "pin --skip-rows if they are data"),
    "W_FOOTER": _warning("lines after the data were left out", "look at the rejects"),
    "W_HEADER_REPEATED": _warning(
        "the header comes again inside the data; those lines were set aside", "look at the rejects"
    ),
    "W_LOG_LINE": _warning(
        "lines that do not have the layout of their log; they were kept whole, in the column line",
        "look at the rows without a timestamp",
    ),
    "W_TABLES_SPLIT": _warning(
        "the text or sheet holds several tables; each became a dataset of its own", "check where each begins"
    ),
    "W_SEVERAL_TABLES": _warning(
        "the text or sheet seems to hold more tables than were told apart", "look at the preview; split the file if so"
    ),
    "W_SHORT_ROWS": _warning(
        "many rows leave out fields at their end; these are empty now", "check that the last columns are right"
    ),
    "W_UNITS_ROW": _warning(
        "the row below the header holds units; it is no row of data and no part of the names",
        "pin --header 1 if it is a row of data",
    ),
    "W_HEADER_GUESSED": _warning("column names were made up: the file has no header", "declare --header"),
    "W_DATE_RANGE": _warning("dates before 1900 or more than a year ahead", "check them at the source"),
    "W_NULL_MARKER": _warning("a word that often means 'no value'", "list it in null_markers if it does"),
    "W_TYPE_DECLARED": _warning(
        "values are not of the type that the source declares",
        "nothing to do; the columns stay text, values are as sent",
    ),
    "W_TYPE_AMBIGUOUS": _warning("a column's type was a close call", "look at the runner-up in the profile"),
    "W_DEPENDENCY": _warning(
        "values that do not go with another column's as nearly all others do", "look at these rows; either may be wrong"
    ),
    "W_NUL": _warning("the text holds characters U+0000", "nothing to do; they were kept"),
    "W_KEY_LOW_CARDINALITY": _warning("a confirmed key has few values", "confirm another key: udb keys list"),
    "W_CURSOR_NULL": _warning(
        "rows without a cursor: an incremental sync will not see them change", "run with --full now and then"
    ),
    "W_NO_ROWS": _warning("the table has columns but no rows", "check how it was produced"),
    "W_CONTRACT_SCHEMA": _warning("the columns are not quite those of the contract", "bring the contract up to date"),
    "W_CONTRACT_VALUES": _warning(
        "values outside of what the contract expects", "look at them; mend them or the contract"
    ),
    "W_CONTRACT_KEY": _warning("values that the contract expects once come again", "look at the duplicates"),
    "W_CONTRACT_QUALITY": _warning("a figure is outside of what the contract expects", "look at the report"),
    "W_STREAM_UNASKED": _warning(
        "records of a stream that was not asked for were left out", "register the source again to see new streams"
    ),
    "W_COLUMN_LEFT_OUT": _warning(
        "a column without a name has no value in any row and was left out", "name it at the source to keep it"
    ),
    "W_STREAM_SKIPPED": _warning("a part of the source holds no table and was left out", "nothing to do"),
}


class UdbError(Exception):
    """A failure told to a person.

    ``code`` is a key of :data:`CODES`; ``message`` says what happened; ``stage`` and ``source`` say where;
    ``kept`` says what is still there; ``remedy`` overrides the code's own advice.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        source: str | None = None,
        stage: str | None = None,
        kept: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.source = source
        self.stage = stage
        self.kept = kept
        self.remedy = remedy or CODES[code].remedy

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def exit_code(self) -> Exit:
        """The exit code that ``udb`` ends with; a finding raised as a failure counts as bad data."""
        return CODES[self.code].exit_code or Exit.DATA

    def located(self, *, source: str | None = None, stage: str | None = None, kept: str | None = None) -> UdbError:
        """Fill in what a deeper layer could not know; what is already known stays. Returns itself."""
        self.source = self.source or source
        self.stage = self.stage or stage
        self.kept = self.kept or kept
        return self

    def as_dict(self) -> dict[str, str | None]:
        """The six facts, for JSON output, events and orchestrator metadata."""
        return {
            "code": self.code,
            "message": self.message,
            "stage": self.stage,
            "source": self.source,
            "kept": self.kept,
            "remedy": self.remedy,
        }
