"""A source must be, when it has been read, what it was when it was looked at.

The rows are committed under the fingerprint that detection took; content that came later must not go by that name.
"""

from __future__ import annotations

from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.detection import fingerprint
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection


def check(connection: Connection) -> None:
    """Compare every file with what detection saw; a file that was only touched is read again, and passes.

    Raises:
        UdbError: ``E_VANISHED`` for a file that is another one, or gone.
    """
    for known in connection.inputs:
        name = base_name(known.path)
        with told(name):
            same = fingerprint.is_same(known)
        if not same:
            raise UdbError(
                "E_VANISHED",
                f"{name} is not the file any more that was looked at",
                kept="nothing of it was loaded; the last published version stays",
                remedy="run again; it is looked at anew",
            )
