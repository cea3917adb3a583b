"""Downloads over HTTP: resumed where they broke off, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import requests
from tqdm import tqdm

TIMEOUT = (5, 30)  # seconds to connect, seconds without a byte
CHUNK = 1 << 16  # bytes; what is less of it is lost when a connection breaks
WRONG_CONTENT = "text/html"  # an error or consent page instead of the file


class FetchError(Exception):
    """A file could not be put in place; the message tells an administrator why."""


class UnreachableError(FetchError):
    """The registry or host does not answer, so that asking it for more is useless."""


def download(url: str, part: Path, *, label: str, get: Callable[..., requests.Response] = requests.get) -> None:
    """Download `url` to `part`, continuing what is there. Raises `requests.RequestException`."""
    start = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    with get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            raise requests.RequestException("the partial file was too long; run the command again")
        answer.raise_for_status()
        if answer.headers.get("Content-Type", "").startswith(WRONG_CONTENT):
            raise requests.RequestException("the answer was a web page instead of the file")
        if answer.status_code != requests.codes.partial_content:
            start = 0
        elif not answer.headers.get("Content-Range", f"bytes {start}-").startswith(f"bytes {start}-"):
            part.unlink()
            raise requests.RequestException("the server continued elsewhere; run the command again")
        _save(answer, part, start, label)


def _save(answer: requests.Response, part: Path, start: int, label: str) -> None:
    expected = start + int(answer.headers.get("Content-Length", 0))
    bar = tqdm(total=expected or None, initial=start, unit="B", unit_scale=True, desc=label, disable=None)
    with bar, part.open("ab" if start else "wb") as handle:
        for chunk in answer.iter_content(CHUNK):
            handle.write(chunk)
            bar.update(len(chunk))
        size = handle.tell()
    if size < expected:
        raise requests.RequestException("the connection broke off")


def reason_of(error: requests.RequestException) -> str:
    """Why a request failed, in a few words."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    return "too slow" if isinstance(error, requests.Timeout) else str(error)
