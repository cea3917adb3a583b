"""A web server that behaves well or badly, as the path asks."""

import datetime
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "pictures.example.org"
BODY = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
SECRET = "token-5f3a"


class Handler(BaseHTTPRequestHandler):
    """Answers by path: `/<secret>/<behaviour>`; redirects go to `server.location`."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.seen.append((self.headers["Host"], self.path))
        self.close_connection = True
        getattr(self, self.path.split("?")[0].rsplit("/", 1)[-1])()

    def head(self, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def image(self) -> None:
        self.head(Content_Length=len(BODY))
        self.wfile.write(BODY)

    def chunked(self) -> None:
        self.head(Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))

    def page(self) -> None:
        self.head(Content_Length=15, Content_Type="image/png")
        self.wfile.write(b"<html>hi</html>")

    def missing(self) -> None:
        self.head(404, Content_Length=6)
        self.wfile.write(b"secret")

    def short(self) -> None:
        self.head(Content_Length=len(BODY) + 10)
        self.wfile.write(BODY)

    def gigabyte(self) -> None:
        self.head(Content_Length=1 << 30)
        self.pour()

    def endless(self) -> None:
        self.head(Connection="close")
        self.pour()

    def pour(self) -> None:
        for _ in range(1 << 14):
            self.wfile.write(bytes(1 << 16))
            self.server.poured += 1 << 16

    def slow_body(self) -> None:
        self.head(Content_Length=40)
        self.trickle(b"x" * 40)

    def slow_end(self) -> None:
        self.head(Connection="close")  # the end of the connection is the end of the body
        self.trickle(b"x" * 40)

    def slow_head(self) -> None:
        self.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

    def trickle(self, data: bytes) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.05)

    def redirect(self) -> None:
        self.server.on_answer()
        self.head(302, Location=self.server.location, Content_Length=0)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str]] = []
        self.poured = 0
        self.location = ""
        self.on_answer = lambda: None
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, behaviour: str, *, host: str = NAME, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/{SECRET}/{behaviour}"

    def handle_error(self, *_: Any) -> None:
        """The client hangs up on purpose."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def serving_tls(certificate: Path, names: list[str | None]) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    with serving(Server(context)) as server:
        yield server
