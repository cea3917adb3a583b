"""A package registry in this process: PyPI's simple index and npm's protocol, with what goes wrong in them."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vision.engines.registries.archives import Archive

PAGE = b"<!doctype html><title>Sign in</title>"


@dataclass
class Registry:
    """What the server answers by path, whom it lets in, and what it was asked. `cut`: paths whose answers break off."""

    url: str = ""
    answers: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    token: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)  # path and range

    def publish(self, archive: Archive, content: bytes) -> None:
        """Offer an archive as its registry would."""
        if archive.registry == "pypi":
            link = f'<a href="/files/{archive.filename}">{archive.filename}</a>'
            self.answers[f"/simple/{archive.package}/"] = ("text/html", link.encode())
            self.answers[f"/files/{archive.filename}"] = ("application/zip", content)
        else:
            path = f"/npm/{archive.package}/-/{archive.filename}"
            # Mirrors often pass on the public address.
            version = {"name": archive.package, "version": archive.version}
            version |= {"dist": {"tarball": f"https://registry.npmjs.org{path}"}}
            document = {
                "name": archive.package,
                "dist-tags": {"latest": archive.version},
                "versions": {archive.version: version},
            }
            self.answers[f"/npm/{archive.package}"] = ("application/json", json.dumps(document).encode())
            self.answers[path] = ("application/octet-stream", content)

    def asked(self, part: str) -> int:
        """How often a path with `part` was asked for."""
        return sum(part in path for path, _ in self.requests)


@contextmanager
def serving() -> Iterator[Registry]:
    """A registry at a free port of this machine."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.requests.append((self.path, self.headers["Range"] or ""))
            if registry.token and self.headers["Authorization"] != f"Bearer {registry.token}":
                return self.answer(401, "text/plain", b"")
            if self.path not in registry.answers:
                return self.answer(404, "application/json", b'{"error": "not found"}')
            kind, content = registry.answers[self.path]
            start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            return self.answer(206 if start else 200, kind, content[start:])

        def answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path in registry.cut else body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        registry.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield registry
        http.shutdown()
        thread.join()


def wheel(package: str, version: str, members: Mapping[str, bytes]) -> bytes:
    """A wheel that pip accepts."""
    name = package.replace("-", "_")
    about = f"{name}-{version}.dist-info"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in members.items():
            archive.writestr(path, body)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return content.getvalue()


def tarball(members: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """A tarball as npm makes them; `links` are symbolic ones by name."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path, body in members.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
        for path, target in (links or {}).items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return content.getvalue()


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()
