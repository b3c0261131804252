"""Servers for tests of ``gs://`` and ``az://``, on the loopback interface and in memory.

Azure is Azurite, Microsoft's own emulator (npm, MIT), which ``make azurite`` installs beside the virtual environment;
without it the tests of ``az://`` are skipped and say so. The library asks Google Cloud Storage by its XML API, which
is the protocol of S3, so the S3 server of the tests answers its requests too; fake-gcs-server knows the other API only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from udb_pipelines_tests.objectstore import ObjectServer, free_port

START_SECONDS = 60
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Every Azurite has this account and key; they are in its documentation."""
_FOLDERS = (Path(sys.prefix) / "bin", Path(sys.prefix) / "azurite" / "node_modules" / ".bin")


@dataclass(frozen=True)
class Cloud:
    """A running server, and what the environment must say for it to be asked instead of the cloud."""

    scheme: str
    environment: dict[str, str]
    make: Callable[[], str]
    """Makes an empty bucket or container, and tells its name."""

    def new_address(self) -> str:
        """The address of an empty bucket or container."""
        return f"{self.scheme}://{self.make()}"


@pytest.fixture(scope="session")
def gcs_server(object_server: ObjectServer) -> Cloud:
    """The S3 server, asked by the client of Google Cloud Storage."""
    environment = {"GOOGLE_BASE_URL": object_server.endpoint, "GOOGLE_BEARER_TOKEN": "of the tests"}
    return Cloud("gs", environment, object_server.new_bucket)


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Cloud]:
    """Azurite."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [_program("azurite-blob"), "--inMemoryPersistence", "--silent", "--disableTelemetry"]
    command += ["--blobPort", str(port), "--skipApiVersionCheck"]
    with _started(command, f"{url}/{AZURE_ACCOUNT}"):
        environment = {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": url}
        numbers = count(1)
        yield Cloud("az", environment, lambda: _new_container(url, f"container-{next(numbers)}"))


def _program(name: str) -> str:
    found = shutil.which(name) or next((str(path / name) for path in _FOLDERS if (path / name).exists()), None)
    if found is None:
        pytest.skip(f"{name} is not installed: make azurite")
    return found


@contextmanager
def _started(command: list[str], probe: str) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(probe):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{Path(command[0]).name} did not start")
                time.sleep(0.1)
            yield
        finally:
            process.kill()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True  # refused, and so awake
    except OSError:
        return False
    return True


def _new_container(endpoint: str, name: str) -> str:
    """Signed as Azure's Shared Key wants it.

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """
    headers = {"x-ms-date": f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S GMT}", "x-ms-version": "2021-12-02"}
    lines = [f"{key}:{value}" for key, value in sorted(headers.items())]
    path = f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{name}"
    text = "PUT" + "\n" * 12 + "\n".join([*lines, f"{path}\nrestype:container"])
    signature = hmac.digest(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256)
    signed = f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(signature).decode()}"
    url = f"{endpoint}/{AZURE_ACCOUNT}/{name}?restype=container"
    headers |= {"Authorization": signed, "Content-Type": ""}
    urllib.request.urlopen(urllib.request.Request(url, b"", headers, method="PUT"), timeout=10).close()
    return name
