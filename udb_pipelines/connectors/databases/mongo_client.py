"""The connection to MongoDB, and its failures in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from udb_pipelines.config import Settings
from udb_pipelines.connectors.databases.admission import admitted
from udb_pipelines.connectors.databases.dialect import CONNECT_SECONDS
from udb_pipelines.connectors.databases.unreached import unreached
from udb_pipelines.detection.location import mask
from udb_pipelines.detection.switches import is_on
from udb_pipelines.errors import UdbError
from udb_pipelines.secrets.references import resolve_address

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.client_session import ClientSession

    from udb_pipelines.connectors.databases.mongo_queries import Part

FIELDS = ("snapshot",)
"""What ``--config`` may say."""
AUTHENTICATION_FAILED, UNAUTHORIZED, UNKNOWN_COMMAND = 18, 13, 59
SERVER_CODES = "the code is explained at https://www.mongodb.com/docs/manual/reference/error-codes/"
NOT_FOUND, CURSOR_GONE, PLAN_KILLED, SNAPSHOT_TOO_OLD = 26, 43, 175, 239
NOT_A_QUERY = (2, 9, 14, 15, 16, 17, 40324, 15998)
"""What servers answer to an aggregation that is none."""
LIMITS = ("serverSelectionTimeoutMS", "connectTimeoutMS")
"""Milliseconds; an address may say others."""
OWN = ("admin", "config", "local")


@dataclass(frozen=True)
class Server:
    """A connected server; ``database`` is the one that the address names."""

    client: MongoClient[dict[str, Any]]
    session: ClientSession | None
    database: str | None

    @contextmanager
    def documents(self, part: Part, *more: Mapping[str, Any]) -> Iterator[Iterator[dict[str, Any]]]:
        """The documents of ``part`` after the stages ``more``.

        Dates are in UTC, without a zone; those beyond Python's years are what they are.
        """
        from bson.binary import UuidRepresentation
        from bson.codec_options import CodecOptions, DatetimeConversion

        options: CodecOptions[dict[str, Any]] = CodecOptions(
            uuid_representation=UuidRepresentation.STANDARD, datetime_conversion=DatetimeConversion.DATETIME_AUTO
        )
        database = self.client[part.database or self.database or ""]
        found = database.get_collection(part.collection, codec_options=options)
        with found.aggregate(part.then(*more), session=self.session, allowDiskUse=True) as cursor:
            yield iter(cursor)

    def names(self) -> list[str]:
        """The databases that are read: the one that the address names, or all but the server's own."""
        if self.database:
            return [self.database]
        return sorted(set(self.client.list_database_names(session=None)) - set(OWN))

    def collections(self, database: str) -> list[tuple[str, str]]:
        """Name and kind of every collection and view that the user may read, without the server's own."""
        # So asked, who may read a few collections only is told those, and not refused.
        found = self.client[database].list_collections(nameOnly=True, authorizedCollections=True)
        listed = ((str(item["name"]), str(item.get("type", "collection"))) for item in found)
        return sorted((name, kind) for name, kind in listed if not name.startswith("system."))


def library() -> ModuleType:
    """The package that speaks to MongoDB.

    Raises:
        UdbError: ``E_CONNECTOR`` with the command that installs it.
    """
    try:
        import pymongo
    except ImportError:
        raise UdbError(
            "E_CONNECTOR",
            "reading MongoDB needs a package that is not installed",
            remedy="pip install 'udb-pipelines[mongodb]'",
        ) from None
    module: ModuleType = pymongo
    return module


@contextmanager
def connected(uri: str, config: Mapping[str, Any], settings: Settings) -> Iterator[Server]:
    """A connection to the server that ``uri`` names; with ``snapshot`` in ``config``, all of it is of one moment.

    Raises:
        UdbError: ``E_AUTH``, ``E_CONNECT``, ``E_CONFIG`` for an address that is not understood or a server that
            cannot hold a moment.
    """
    pymongo = library()
    unknown = sorted(set(config) - set(FIELDS))
    if unknown:
        raise UdbError("E_OPTION", f"--config {', '.join(unknown)} is not known to mongodb; it takes snapshot=true")
    address, shown = admitted(resolve_address(uri, settings), settings), mask(uri)
    limits = {name: CONNECT_SECONDS * 1000 for name in LIMITS if f"{name}=".lower() not in address.lower()}
    with told(shown, shown), ExitStack() as stack:
        with catch_warnings():
            # An option that is not known, or has no sense, is only warned of, and would do nothing.
            simplefilter("error", UserWarning)
            client = stack.enter_context(pymongo.MongoClient(address, appname="udb", **limits))
        client.admin.command("ping")
        session = None
        if is_on(config, "snapshot"):
            session = stack.enter_context(client.start_session(snapshot=True))
        yield Server(client, session, _database(client))


def _database(client: MongoClient[dict[str, Any]]) -> str | None:
    """The one that the address names."""
    from pymongo.errors import ConfigurationError

    try:
        return client.get_default_database().name
    except ConfigurationError:
        return None


@contextmanager
def told(shown: str, what: str) -> Iterator[None]:
    """Translate every failure of the enclosed reading of ``what``; none of the server's words are passed on.

    Raises:
        UdbError: by what the failure is.
    """
    from bson.errors import BSONError
    from pymongo import errors

    try:
        yield
    except (errors.ConfigurationError, ValueError, UserWarning) as error:
        if "snapshot" in str(error).lower() or "sessions are not supported" in str(error).lower():
            raise _no_snapshot(what) from None
        raise _misunderstood(shown) from None
    except errors.OperationFailure as error:
        raise _of_code(error.code or 0, shown, what) from None
    except errors.ConnectionFailure as error:
        raise unreached(error, shown) from None
    except BSONError:
        raise UdbError("E_CORRUPT", f"{what}: a document is not valid BSON") from None
    except errors.PyMongoError as error:
        raise UdbError("E_UNREADABLE", f"{what} cannot be read to its end ({type(error).__name__})") from None


def _misunderstood(shown: str) -> UdbError:
    return UdbError(
        "E_CONFIG",
        f"{shown}: the address, or an option of it, is not understood",
        remedy="write mongodb://user:${PASSWORD}@host:27017/database?authSource=admin; mongodb+srv:// needs a name "
        "that DNS knows as one of a cluster",
    )


def _no_snapshot(what: str) -> UdbError:
    return UdbError(
        "E_CONFIG",
        f"{what}: the server cannot show one moment of all collections",
        remedy="leave out --config snapshot; it needs a replica set of MongoDB 5.0 or later",
    )


def _of_code(code: int, shown: str, what: str) -> UdbError:
    """By the server's code, which is all that is passed on."""
    if code == AUTHENTICATION_FAILED:
        return UdbError(
            "E_AUTH",
            f"{shown} refused the credentials",
            remedy="correct user and password; ?authSource=admin names the database that knows the user, if it is "
            "another than the one that is read",
        )
    if code == UNAUTHORIZED:
        return UdbError("E_AUTH", f"{what}: the user may not read this")
    if code in (NOT_FOUND, CURSOR_GONE, PLAN_KILLED):
        return UdbError("E_VANISHED", f"{what} went away while it was read")
    if code == SNAPSHOT_TOO_OLD:
        return UdbError(
            "E_VANISHED",
            f"{what}: the server no longer holds the moment that is read",
            remedy="raise its minSnapshotHistoryWindowInSeconds, or leave out --config snapshot",
        )
    if code in NOT_A_QUERY:
        return UdbError("E_SQL", f"{what}: the server does not take this as a query")
    if code == UNKNOWN_COMMAND:
        return UdbError(
            "E_UNSUPPORTED",
            f"{shown}: the server does not know a command of MongoDB that reading or signing in needs",
            remedy="check that it is MongoDB 4.4 or later; leave out the user if it knows none",
        )
    return UdbError("E_UNREADABLE", f"{what}: the server ended with code {code}", remedy=SERVER_CODES)


def first_keys(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every key of ``documents``, in the order in which they come."""
    return list(dict.fromkeys(key for document in documents for key in document))
