"""Links that people share: the address behind which the file itself is, and not the page that shows it."""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_RULES: tuple[tuple[str, str], ...] = (
    # Every sheet, as a workbook: the link of a sheet names the one that was open when it was copied.
    (r"https://docs\.google\.com/spreadsheets/d/(?!e/)([\w-]+)(?:/.*)?",
     r"https://docs.google.com/spreadsheets/d/\1/export?format=xlsx"),
    (r"https://docs\.google\.com/spreadsheets/d/e/([\w-]+)/pub(?:html)?(?:\?(?!.*output=).*)?",
     r"https://docs.google.com/spreadsheets/d/e/\1/pub?output=xlsx"),
    (r"https://drive\.google\.com/file/(?:u/\d+/)?d/([\w-]+)(?:/.*)?",
     r"https://drive.google.com/uc?export=download&id=\1"),
    (r"https://drive\.google\.com/open\?(?:.*&)?id=([\w-]+).*", r"https://drive.google.com/uc?export=download&id=\1"),
    (r"https://github\.com/([^/]+/[^/]+)/(?:blob|raw)/([^?#]+)(?:[?#].*)?", r"https://raw.githubusercontent.com/\1/\2"),
    (r"(https://gist\.github\.com/[^/]+/[0-9a-f]+)/?(?:#.*)?", r"\1/raw"),
    (r"(https://gitlab\.[^/]+/.+)/-/blob/([^?#]+)(?:[?#].*)?", r"\1/-/raw/\2"),
)  # fmt: skip


def download_address(address: str) -> str:
    """The download form of a shared link of Google Drive and Sheets, Dropbox, OneDrive, SharePoint, GitHub or GitLab.

    Any other address is given back as it is.

    >>> download_address("https://github.com/ann/shop/blob/main/data/orders.csv")
    'https://raw.githubusercontent.com/ann/shop/main/data/orders.csv'
    >>> download_address("https://www.dropbox.com/s/abc/orders.csv?dl=0")
    'https://www.dropbox.com/s/abc/orders.csv?dl=1'
    >>> download_address("https://shop.example/orders.csv")
    'https://shop.example/orders.csv'
    """
    for pattern, form in _RULES:
        if re.fullmatch(pattern, address):
            return re.sub(pattern, form, address)
    host = urlsplit(address).hostname or ""
    if host in ("dropbox.com", "www.dropbox.com"):
        return _with(address, "dl", "1")
    if host.endswith(".sharepoint.com") and re.search(r"/:\w:/", address):
        return _with(address, "download", "1")
    if host in ("1drv.ms", "onedrive.live.com") and "download" not in urlsplit(address).path:
        # The sharing token of Microsoft's API: base64 for URLs, without padding, after "u!".
        token = base64.urlsafe_b64encode(address.encode()).decode().rstrip("=")
        return f"https://api.onedrive.com/v1.0/shares/u!{token}/root/content"
    return address


def _with(address: str, name: str, value: str) -> str:
    """``address`` with one parameter of its query set."""
    parts = urlsplit(address)
    query = [(key, old) for key, old in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return urlunsplit(parts._replace(query=urlencode([*query, (name, value)])))
