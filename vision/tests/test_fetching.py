"""Images behind URLs, against real HTTP servers on this machine; only the look-up of names is replaced."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vision import fetching, images
from vision.exceptions import InvalidImage
from vision.fetching import Rules, check_url, fetch, is_reachable
from vision.tests.picture_server import BODY, NAME, SECRET, Server, make_certificate, serving, serving_tls


class NameServer:
    """Answers look-ups from a table and remembers what it was asked."""

    def __init__(self) -> None:
        self.table = {NAME: ["127.0.0.1"]}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.table[host]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    name_server = NameServer()
    monkeypatch.setattr(fetching, "resolve", name_server)
    return name_server


@pytest.fixture
def server(settings: Any, names: NameServer, references_allowed: None) -> Iterator[Server]:
    """A server under an allowed name whose private address the administrator permits."""
    with serving(Server()) as running:
        settings.URL_HOSTS = [f"{NAME}:{running.port}"]
        settings.URL_ALLOW_PRIVATE = True
        yield running


def refused(url: str) -> str:
    """The code of the refusal, which must repeat nothing of the URL and carry no inner error."""
    with pytest.raises(InvalidImage) as caught:
        fetch(url)
    assert not any(part in str(caught.value) for part in (NAME, SECRET, "127.0.0.1", "://"))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.code


@pytest.mark.parametrize("behaviour", ["image", "chunked", "image?size=large"])
def test_body_of_an_allowed_host_is_returned(server: Server, behaviour: str) -> None:
    assert fetch(server.url(behaviour)) == BODY
    assert server.seen == [(f"{NAME}:{server.port}", f"/{SECRET}/{behaviour}")]


def test_name_is_looked_up_once(server: Server, names: NameServer) -> None:
    fetch(server.url("image"))
    assert names.asked == [NAME]


def test_nothing_is_fetched_unless_hosts_are_named(server: Server, settings: Any) -> None:
    settings.URL_HOSTS = []
    assert refused(server.url("image")) == "image.url_disabled"
    assert server.seen == []


def test_entry_that_cannot_be_read_allows_nothing(settings: Any) -> None:
    settings.URL_HOSTS = ["*", "*.", "", "http://pictures.example.org:x", "pictures.example.org:port", "[broken"]
    assert refused("http://pictures.example.org/a.jpg") == "image.url_refused"


def test_private_address_of_an_allowed_name_is_refused(server: Server, settings: Any) -> None:
    settings.URL_ALLOW_PRIVATE = False
    assert refused(server.url("image")) == "image.url_refused"
    assert server.seen == []


def test_private_address_is_refused_for_names_that_only_a_wildcard_allows(server: Server, settings: Any) -> None:
    settings.URL_HOSTS = [f"*.example.org:{server.port}"]
    assert refused(server.url("image")) == "image.url_refused"
    assert server.seen == []


def test_one_forbidden_address_among_several_is_enough_to_refuse(server: Server, names: NameServer) -> None:
    names.table[NAME] = ["127.0.0.1", "169.254.169.254"]
    assert refused(server.url("image")) == "image.url_refused"
    assert server.seen == []


def test_next_address_is_tried_when_the_first_does_not_answer(server: Server, names: NameServer) -> None:
    names.table[NAME] = ["127.0.0.77", "127.0.0.1"]
    assert fetch(server.url("image")) == BODY


def test_name_without_an_address_is_unreachable(server: Server, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(fetching, "resolve", resolve)
    assert refused(server.url("image")) == "image.url_unreachable"


def test_slow_name_server_counts_against_the_time(
    server: Server, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(fetching, "resolve", lambda host, port: ["127.0.0.1"] if answer.wait(60) else [])
    settings.URL_TIMEOUT = 0.2
    try:
        assert refused(server.url("image")) == "image.url_timeout"
    finally:
        answer.set()


def test_local_names_are_resolved_for_real(settings: Any) -> None:
    with serving(Server()) as server:
        settings.URL_HOSTS = [f"localhost:{server.port}"]
        settings.URL_ALLOW_PRIVATE = True
        assert fetch(server.url("image", host="localhost")) == BODY
        settings.URL_ALLOW_PRIVATE = False
        assert refused(server.url("image", host="localhost")) == "image.url_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://other.org/a.jpg",
        "http://pictures.example.org.evil.org/a.jpg",
        "http://evilpictures.example.org/a.jpg",
        "http://pictures.example.org:8080/a.jpg",
        "http://pictures.example.org:22/a.jpg",
        "http://user:word@pictures.example.org/a.jpg",
        "http://pictures.example.org@evil.org/a.jpg",
        "http://evil.org\\@pictures.example.org/a.jpg",
        "http://evil.org#@pictures.example.org/a.jpg",
        "ftp://pictures.example.org/a.jpg",
        "gopher://pictures.example.org/a.jpg",
        "//pictures.example.org/a.jpg",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://",
        "http://[broken/",
        "http://pictures.example.org:99999/",
        "http://wild.net/",
        "http://evilwild.net/",
        "https://port.org/",
        "http://pictures.example.org/" + "a" * 9000,
    ],
)
def test_url_outside_the_allow_list_is_refused(settings: Any, url: str) -> None:
    settings.URL_HOSTS = [NAME, "*.wild.net", "port.org:8443"]
    assert refused(url) == "image.url_refused"


@pytest.mark.parametrize(
    ("url", "port", "host_header"),
    [
        ("http://pictures.example.org/a.jpg", 80, NAME),
        ("https://PICTURES.example.org./a.jpg", 443, NAME),
        ("http://pictures.example.org:443/a.jpg", 443, f"{NAME}:443"),
        ("https://a.wild.net/a.jpg", 443, "a.wild.net"),
        ("https://a.b.wild.net/a.jpg", 443, "a.b.wild.net"),
        ("https://port.org:8443/a.jpg", 8443, "port.org:8443"),
        ("http://[2606:4700::1]/a.jpg", 80, "[2606:4700::1]"),
    ],
)
def test_url_inside_the_allow_list_passes(settings: Any, url: str, port: int, host_header: str) -> None:
    settings.URL_HOSTS = [NAME, "*.wild.net", "port.org:8443", "[2606:4700::1]"]
    target = check_url(url, Rules(settings.URL_HOSTS, settings.URL_ALLOW_PRIVATE))
    assert (target.port, target.host_header, target.request_uri) == (port, host_header, "/a.jpg")


SPECIAL_V4 = (
    "127.0.0.1 127.8.9.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200 0.0.0.0 "
    "224.0.0.1 240.0.0.1 255.255.255.255 192.0.0.192 192.0.2.1 198.18.0.1 168.63.129.16 192.88.99.1"
)
SPECIAL_V6 = (
    ":: ::1 ::7f00:1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 "
    "64:ff9b::7f00:1 2002:7f00:1:: 2001:0:1::1 2001:db8::1 3fff::1 5f00::1"
)


@pytest.mark.parametrize("address", [*SPECIAL_V4.split(), *SPECIAL_V6.split()])
def test_address_that_is_not_globally_routable_is_never_connected_to(address: str) -> None:
    assert not is_reachable(address, may_be_private=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"])
def test_public_address_may_be_connected_to(address: str) -> None:
    assert is_reachable(address, may_be_private=False)


def test_switch_for_private_addresses_opens_no_metadata_service() -> None:
    opened = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "::1", "fd12::1"]
    closed = ["169.254.169.254", "fe80::1", "fd00:ec2::254", "168.63.129.16", "100.100.100.200", "0.0.0.0", "224.0.0.1"]
    assert all(is_reachable(address, may_be_private=True) for address in opened)
    assert not any(is_reachable(address, may_be_private=True) for address in closed)


def test_redirect_is_followed_after_another_look_up(server: Server, names: NameServer) -> None:
    server.location = "/elsewhere/image"
    assert fetch(server.url("redirect")) == BODY
    assert names.asked == [NAME, NAME]


def test_redirect_to_a_name_that_now_has_another_address_is_refused(server: Server, names: NameServer) -> None:
    server.location = "/elsewhere/image"
    names.table = {NAME: ["127.0.0.1"]}
    server.on_answer = lambda: names.table.update({NAME: ["169.254.169.254"]})
    assert refused(server.url("redirect")) == "image.url_refused"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1/",
        "http://[::1]:80/",
        "file:///etc/passwd",
        "http://[broken/",
        "ftp://pictures.example.org/",
        "//other.org/a.jpg",
        "http://listed.org/a.jpg",
    ],
)
def test_redirect_passes_the_same_checks(server: Server, settings: Any, names: NameServer, location: str) -> None:
    settings.URL_HOSTS += ["listed.org"]
    names.table["listed.org"] = ["169.254.169.254"]
    server.location = location
    assert refused(server.url("redirect")) == "image.url_refused"


def test_redirects_end_after_three(server: Server) -> None:
    server.location = server.url("redirect")
    assert refused(server.url("redirect")) == "image.url_refused"
    assert len(server.seen) == 4


@pytest.mark.parametrize("behaviour", ["gigabyte", "endless"])
def test_gigabyte_is_cut_off_at_the_limit(server: Server, settings: Any, behaviour: str) -> None:
    settings.MAX_IMAGE_BYTES = 300_000
    assert refused(server.url(behaviour)) == "image.too_large"
    assert server.poured < 64 * 1024 * 1024


def test_body_of_exactly_the_limit_is_accepted(server: Server, settings: Any) -> None:
    settings.MAX_IMAGE_BYTES = len(BODY)
    assert fetch(server.url("image")) == BODY


@pytest.mark.parametrize("behaviour", ["slow_body", "slow_end", "slow_head"])
def test_server_that_trickles_is_cut_off(server: Server, settings: Any, behaviour: str) -> None:
    settings.URL_TIMEOUT = 0.4
    assert refused(server.url(behaviour)) == "image.url_timeout"


@pytest.mark.parametrize("patience", [0.4, 0.0, -5.0])
def test_caller_in_a_hurry_waits_less(server: Server, settings: Any, patience: float) -> None:
    settings.URL_TIMEOUT = 30
    with pytest.raises(InvalidImage) as caught:
        fetch(server.url("slow_body"), patience=patience)
    assert caught.value.code == "image.url_timeout"


@pytest.mark.parametrize("behaviour", ["missing", "short"])
def test_failed_answer_is_refused(server: Server, behaviour: str) -> None:
    assert refused(server.url(behaviour)) == "image.url_unreachable"


def test_closed_port_is_unreachable(settings: Any, names: NameServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings.URL_HOSTS, settings.URL_ALLOW_PRIVATE = [f"{NAME}:{port}"], True
    assert refused(f"http://{NAME}:{port}/{SECRET}") == "image.url_unreachable"


def test_wrong_content_is_refused_by_its_bytes_not_by_its_type(server: Server) -> None:
    with pytest.raises(InvalidImage) as caught:
        images.sniff(images.read_text(server.url("page")))
    assert caught.value.code == "image.not_an_image"


def test_tls_uses_the_name_while_the_connection_goes_to_the_address(
    settings: Any, names: NameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path, NAME)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    announced: list[str | None] = []
    with serving_tls(certificate, announced) as server:
        settings.URL_HOSTS, settings.URL_ALLOW_PRIVATE = [f"{NAME}:{server.port}"], True
        assert fetch(server.url("image", scheme="https")) == BODY
    assert announced == [NAME]


@pytest.mark.parametrize(("name", "trusted"), [("another.example.org", True), (NAME, False)])
def test_tls_with_a_wrong_certificate_is_refused(
    settings: Any,
    names: NameServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    trusted: bool,
) -> None:
    certificate = make_certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving_tls(certificate, []) as server:
        settings.URL_HOSTS, settings.URL_ALLOW_PRIVATE = [f"{NAME}:{server.port}"], True
        assert refused(server.url("image", scheme="https")) == "image.url_unreachable"
        assert server.seen == []
