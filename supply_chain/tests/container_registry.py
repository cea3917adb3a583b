"""A container registry in this process: manifests behind a token, as the distribution specification has them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class Registry:
    """The manifests by `repository:tag`, with their media types, and what goes wrong."""

    url: str = ""
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    claimed: str = ""  # a digest that is sent instead of the right one
    scheme: str = "Bearer"
    token: bytes = b'{"token": "s3cret"}'

    def publish(self, name: str, kind: str = INDEX) -> str:
        """An image of this `repository:tag`; answers its digest."""
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [], "annotations": {"of": name}})
        self.manifests[name] = (kind, content.encode())
        return f"sha256:{sha256(content.encode()).hexdigest()}"


@contextmanager
def serving() -> Iterator[Registry]:
    """A registry at a free port of this machine. A token is good for the repository that it was asked for."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/token":
                asked = parse_qs(address.query)
                scope = asked["scope"][0] if asked["service"] == ["registry.test"] else ""
                body = registry.token.replace(b"s3cret", scope.encode())
                return self.answer(200, {"Content-Type": "application/json"}, body)
            repository, _, tag = address.path.removeprefix("/v2/").partition("/manifests/")
            scope = f"repository:{repository}:pull"
            if self.headers["Authorization"] != f"Bearer {scope}":
                asks = f'{registry.scheme} realm="{registry.url}/token",service="registry.test",scope="{scope}"'
                return self.answer(401, {"WWW-Authenticate": asks}, b"{}")
            kind, content = registry.manifests.get(f"{repository}:{tag}", ("", b""))
            if kind not in self.headers["Accept"].split(", "):
                return self.answer(404, {}, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
            digest = registry.claimed or f"sha256:{sha256(content).hexdigest()}"
            return self.answer(200, {"Content-Type": kind, "Docker-Content-Digest": digest}, content)

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *args: object) -> None:
            """Not into the output of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
