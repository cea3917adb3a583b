"""Fetches images over HTTP, and sends messages, only from and to the hosts that the administrator allowed.

A name is resolved once, every address it has must be a public one, and the connection goes to exactly these addresses
while TLS, SNI and the Host header use the name: a second answer of the name server (DNS rebinding) changes nothing.
Redirects pass the same checks. Size and total time are capped, for slow headers and slow bodies as well.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address, ip_network
from urllib.parse import urljoin

from django.conf import settings
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse
from urllib3.util import parse_url

from vision.exceptions import InvalidImage, invalid_image

MAX_REDIRECTS = 3
MAX_URL = 8192  # characters; signed links of object stores take about 2,000
CHUNK = 64 * 1024
PORTS = {"http": 80, "https": 443}
REDIRECTS = {301, 302, 303, 307, 308}
HEADERS = {"User-Agent": "faceapp", "Accept-Encoding": "identity", "Connection": "close"}

# Global unicast only: outside of it lie IPv4 in disguise (::ffff:0:0/96, 64:ff9b::/96), local and multicast addresses.
PUBLIC_V6 = ip_network("2000::/3")
# Some versions of Python call these public: special-purpose networks, 6to4 (IPv4 in disguise), and last the metadata
# service of a large cloud.
NEVER = [ip_network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "2002::/16", "3fff::/20", "168.63.129.16/32")]
METADATA_V6 = ip_address("fd00:ec2::254")
# What URL_ALLOW_PRIVATE opens: never link-local addresses, where clouds keep their metadata services.
PRIVATE = [
    ip_network(net) for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
]

_resolvers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="resolve")


@dataclass(frozen=True)
class Rules:
    """Which hosts may be reached: entries as in `URL_HOSTS`. `allow_private` as in `URL_ALLOW_PRIVATE`."""

    hosts: Sequence[str]
    allow_private: bool


@dataclass(frozen=True)
class Target:
    """A URL that passed the checks, taken apart once so that nothing reads it a second, different way."""

    scheme: str
    host: str
    port: int
    request_uri: str
    may_be_private: bool

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    at: float

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self.at

    def left(self) -> float:
        """Seconds left, never zero (which sockets take for non-blocking). Raises `InvalidImage` when it has passed."""
        if self.passed:
            raise _timeout()
        return max(self.at - time.monotonic(), 0.001)


def fetch(url: str, *, patience: float | None = None) -> bytes:
    """The body behind `url`: at most `MAX_IMAGE_BYTES`, within `URL_TIMEOUT` seconds from the call to the last byte, or
    `patience` seconds if that is less.

    Raises `InvalidImage` with `image.url_disabled`, `image.url_refused`, `image.url_unreachable`, `image.url_timeout`
    or `image.too_large`. Whether the body is an image is for `images.sniff` to say.
    """
    if not settings.URL_HOSTS:
        raise invalid_image("image.url_disabled")
    seconds = settings.URL_TIMEOUT if patience is None else min(patience, settings.URL_TIMEOUT)
    deadline = Deadline(time.monotonic() + seconds)
    rules = Rules(settings.URL_HOSTS, settings.URL_ALLOW_PRIVATE)
    for _ in range(MAX_REDIRECTS + 1):
        target = check_url(url, rules)
        try:
            with _response(target, deadline, headers={"Accept": "image/*"}) as response:
                location = response.headers.get("Location") if response.status in REDIRECTS else None
                if location is None:
                    return _read_body(response, deadline)
        except (HTTPError, HTTPException, OSError, ValueError):  # their messages name addresses
            raise (_timeout() if deadline.passed else invalid_image("image.url_unreachable")) from None
        try:
            url = urljoin(url, location)
        except ValueError:
            raise invalid_image("image.url_refused") from None
    raise invalid_image("image.url_refused")


def post(url: str, body: bytes, *, headers: Mapping[str, str], rules: Rules, seconds: float, most: int) -> int:
    """Send `body` in a POST within as many seconds, and return the status of the answer. Redirects are not followed.

    At most `most` bytes of the answer's body are read, and dropped. Raises `InvalidImage` with `image.url_refused`,
    `image.url_unreachable` or `image.url_timeout`.
    """
    deadline = Deadline(time.monotonic() + seconds)
    target = check_url(url, rules)
    try:
        with _response(target, deadline, method="POST", headers=headers, body=body) as response:
            status = int(response.status)
            with suppress(HTTPError, HTTPException, OSError, ValueError):  # the status has said it all
                response.read(most, decode_content=False)
            return status
    except (HTTPError, HTTPException, OSError, ValueError):  # their messages name addresses
        raise (_timeout() if deadline.passed else invalid_image("image.url_unreachable")) from None


def check_url(url: str, rules: Rules) -> Target:
    """The parts of `url` when its scheme, host and port are allowed, else `InvalidImage` (`image.url_refused`)."""
    try:
        parts = parse_url(url)
    except (HTTPError, ValueError):
        raise invalid_image("image.url_refused") from None
    scheme, host = parts.scheme or "", (parts.host or "").strip("[]").rstrip(".")
    port = parts.port or PORTS.get(scheme, 0)
    entries = [entry for entry in rules.hosts if _matches(entry.strip(), host, port)]
    if scheme not in PORTS or parts.auth or not entries or len(url) > MAX_URL:
        raise invalid_image("image.url_refused")
    # A wildcard leaves the choice of the address to the owner of the zone, so only a full name may be private.
    may_be_private = rules.allow_private and not all(entry.strip().startswith("*.") for entry in entries)
    return Target(scheme, host, port, parts.request_uri, may_be_private)


def _matches(entry: str, host: str, port: int) -> bool:
    try:
        rule = parse_url("//" + entry.removeprefix("*."))
    except HTTPError:  # an entry that cannot be read allows nothing
        return False
    name = (rule.host or "").strip("[]").rstrip(".")
    same = host.endswith("." + name) if entry.startswith("*.") else host == name
    return bool(name) and same and port in ((rule.port,) if rule.port else PORTS.values())


def resolve(host: str, port: int) -> list[str]:
    """Every address of `host`, in the order of preference. The only place where a name is looked up."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def is_reachable(address: str, *, may_be_private: bool) -> bool:
    """Whether a connection may go to `address`: globally routable unicast, or private where that was allowed."""
    ip = ip_address(address)
    if may_be_private and any(ip in net for net in PRIVATE):
        return ip != METADATA_V6
    if any(ip in net for net in NEVER):
        return False
    is_plain_unicast = ip in PUBLIC_V6 if ip.version == 6 else not ip.is_reserved
    return ip.is_global and not ip.is_multicast and is_plain_unicast


@contextmanager
def _response(
    target: Target, deadline: Deadline, *, headers: Mapping[str, str], method: str = "GET", body: bytes | None = None
) -> Iterator[HTTPResponse]:
    """The answer to a request, its body not yet read; the connection is cut when the deadline passes."""
    with closing(_connect(target, deadline)) as connection:

        def cut(sock: socket.socket) -> None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

        # Socket timeouts start again with every byte; only this stops a server that trickles.
        watch = threading.Timer(deadline.left(), cut, [connection.sock])
        watch.daemon = True
        watch.start()
        try:
            connection.request(
                method,
                target.request_uri,
                body=body,
                headers=HEADERS | {"Host": target.host_header} | dict(headers),
                preload_content=False,
                decode_content=False,
            )
            with closing(connection.getresponse()) as response:
                yield response
        finally:
            watch.cancel()


def _connect(target: Target, deadline: Deadline) -> HTTPConnection:
    """A connection to the first address of the target that answers."""
    addresses = _resolvers.submit(resolve, target.host, target.port).result(timeout=deadline.left())
    if not addresses or not all(is_reachable(address, may_be_private=target.may_be_private) for address in addresses):
        raise invalid_image("image.url_refused")
    failure: Exception = OSError("no address")
    for address in addresses:
        connection: HTTPConnection
        if target.scheme == "http":
            connection = HTTPConnection(address, target.port, timeout=deadline.left())
        else:
            context = ssl.create_default_context()  # the system's authorities and those in SSL_CERT_FILE
            context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
            connection = HTTPSConnection(
                address,
                target.port,
                timeout=deadline.left(),
                ssl_context=context,
                server_hostname=target.host,
                assert_hostname=target.host,
            )
        try:
            connection.connect()
            return connection
        except (HTTPError, OSError) as error:
            connection.close()
            failure = error
    raise failure


def _read_body(response: HTTPResponse, deadline: Deadline) -> bytes:
    if response.status != 200:
        raise invalid_image("image.url_unreachable")
    too_large = invalid_image("image.too_large", limit=settings.MAX_IMAGE_BYTES)
    if int(response.headers.get("Content-Length") or 0) > settings.MAX_IMAGE_BYTES:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    for chunk in response.stream(CHUNK, decode_content=False):
        size += len(chunk)
        if size > settings.MAX_IMAGE_BYTES:
            raise too_large
        chunks.append(chunk)
    deadline.left()  # a connection cut by the watch looks like the end of a body without a length
    return b"".join(chunks)


def _timeout() -> InvalidImage:
    return invalid_image("image.url_timeout", limit=settings.URL_TIMEOUT)
