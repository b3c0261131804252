"""What an address of an object store names. Nothing here asks the store."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from udb_pipelines.detection.location import is_offered
from udb_pipelines.errors import UdbError

_MAGIC = re.compile(r"[*?\[]")
_LONGEST_NAME = 200
"""File systems allow 255 bytes."""
_UNSAFE = re.compile(r"[\x00-\x1f%\\]|^\.{1,2}$")


@dataclass(frozen=True)
class Address:
    """``s3://bucket/path``; ``path`` is a key, a folder (a prefix that ends with ``/``, or nothing) or a pattern."""

    scheme: str
    bucket: str
    path: str

    @property
    def shown(self) -> str:
        """As people write it."""
        return f"{self.scheme}://{self.bucket}/{self.path}"

    @property
    def is_pattern(self) -> bool:
        """Whether it names several objects by wildcards."""
        return _MAGIC.search(self.path) is not None

    @property
    def is_folder(self) -> bool:
        """Whether it can be nothing but a folder."""
        return not self.is_pattern and (not self.path or self.path.endswith("/"))

    @property
    def folder(self) -> str:
        """The folder that holds everything it names, without a slash at its end: what has to be listed."""
        if not self.is_pattern:
            return self.path.rstrip("/")
        parts = self.path.split("/")
        plain = next(number for number, part in enumerate(parts) if _MAGIC.search(part))
        return "/".join(parts[:plain])

    def names(self, key: str) -> bool:
        """Whether the object ``key`` of the listing of :attr:`folder` is meant.

        As for local files: hidden objects and unfinished uploads are left out of folders and patterns.
        """
        inside = PurePosixPath(key.removeprefix(f"{self.folder}/") if self.folder else key)
        if key == self.path:
            return True
        return is_offered(inside) and (not self.is_pattern or _fits(key.split("/"), self.path.split("/")))

    @property
    def has_depth(self) -> bool:
        """Whether what it names lies in a number of folders that is known beforehand."""
        return self.is_pattern and "**" not in self.path.split("/")

    def may_hold(self, folder: str) -> bool:
        """Whether an object that is meant can lie in ``folder``, or below it: what need not be listed.

        >>> Address("sftp", "ann@host", "in/*/a_*.csv").may_hold("in/2024"), parse("s3://b/in/*.csv").may_hold("in/2024")
        (True, False)
        """
        inside = folder.removeprefix(f"{self.folder}/") if self.folder else folder
        if any(part.startswith((".", "~$")) for part in inside.split("/")):
            return False
        if not self.is_pattern:
            return True
        parts, pattern = folder.split("/"), self.path.split("/")
        plain = pattern.index("**") if "**" in pattern else len(pattern) - 1
        if len(parts) > plain and "**" not in pattern:
            return False
        return all(fnmatch.fnmatchcase(part, wanted) for part, wanted in zip(parts, pattern[:plain], strict=False))


def parse(uri: str) -> Address:
    """Take ``uri`` apart.

    Raises:
        UdbError: ``E_OPTION`` for one without a bucket, or with credentials in it.

    >>> parse("s3://shop/2024/*.csv").folder
    '2024'
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, path = rest.partition("/")
    if not bucket or "@" in bucket or "?" in bucket:
        raise UdbError(
            "E_OPTION",
            f"an address of {scheme.lower()}:// holds a bucket and a key, folder or pattern, and nothing else",
            remedy=f"write {scheme.lower()}://BUCKET/KEY, and give credentials with --config",
        )
    return Address(scheme.lower(), bucket, path.lstrip("/"))


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a key fit those of a pattern: ``**`` is any number of folders, the rest one each."""
    at = wanted = 0
    retry: tuple[int, int] | None = None  # the last ``**``, and where the parts begin that it has not swallowed yet
    while at < len(parts):
        if wanted < len(pattern) and pattern[wanted] == "**":
            retry = (wanted, at)
            wanted += 1
        elif wanted < len(pattern) and fnmatch.fnmatchcase(parts[at], pattern[wanted]):
            at, wanted = at + 1, wanted + 1
        elif retry is not None:
            retry = (retry[0], retry[1] + 1)
            wanted, at = retry[0] + 1, retry[1]
        else:
            return False
    return all(part == "**" for part in pattern[wanted:])


def local_names(keys: Iterable[str]) -> dict[str, PurePosixPath]:
    """A relative path for each key, the key itself wherever a file can be called so.

    Different keys get different paths, and none leads out of its folder or through another's file.

    >>> local_names(["in/a.csv", "in/.."])["in/.."]
    PurePosixPath('in/%2E%2E')
    """
    wanted = sorted(keys)
    folders = {parent for key in wanted for parent in _parents(key)}
    return {key: _path(key, is_also_folder=key in folders) for key in wanted}


def _parents(key: str) -> Iterable[str]:
    parts = key.split("/")
    return ("/".join(parts[:end]) for end in range(1, len(parts)))


def _path(key: str, *, is_also_folder: bool) -> PurePosixPath:
    *folders, name = (_safe(part) for part in key.split("/"))
    # Where a/b is an object beside a, both cannot be files of those names. No safe name has % before another sign.
    return PurePosixPath(*folders, f"%_{name}" if is_also_folder else name)


def _safe(part: str) -> str:
    if not part:
        return "%"
    dots = part in (".", "..")
    safe = _UNSAFE.sub(lambda found: "".join(f"%{ord(sign):02X}" for sign in found[0]), part)
    if dots or len(safe.encode()) <= _LONGEST_NAME:
        return safe
    digest = hashlib.sha256(part.encode()).hexdigest()[:16]
    return f"%~{digest}{safe[-40:]}" if safe[-40:].isascii() else f"%~{digest}"
