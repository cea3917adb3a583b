"""The deployment that faces attackers: networks, limits, secrets, and the proxy of docker-compose.yml."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse

from compat.nextcloud.urls import dialect as nextcloud
from faceapp.tests import missing
from faceapp.tests.compose_files import SECRETS, project
from faceapp.tests.test_environment import documented_variables

BASE, CARD, TLS = "docker-compose.yml", "docker-compose.gpu.yml", "docker-compose.tls.yml"
DOMAIN = {"FACEAPP_DOMAIN": "faces.example.org"}
OURS = {"migrate", "web", "worker", "express", "maintenance", "trainer", "beat"}
TEMPLATES = settings.BASE_DIR / "proxy"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
EXAMPLES = re.findall(r"```nginx\n(.*?)```", (settings.BASE_DIR / "docs" / "operations.md").read_text(), re.DOTALL)
NEXTCLOUD = (settings.BASE_DIR / "docs" / "nextcloud.md").read_text()
Block = list[tuple[list[str], Any]]


def services(*names: str, **environment: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = project(*names or (BASE,), **SECRETS, **environment)["services"]
    return found


def limits(service: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = service["deploy"]["resources"]["limits"]
    return found


@pytest.mark.parametrize("name", SECRETS)
def test_the_stack_does_not_start_without_a_secret(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        project(BASE, **{other: value for other, value in SECRETS.items() if other != name})


def test_https_needs_a_domain() -> None:
    with pytest.raises(KeyError, match="FACEAPP_DOMAIN"):
        services(BASE, TLS)


def test_nothing_but_the_proxy_is_published() -> None:
    for names in ((BASE,), (BASE, CARD), (BASE, TLS), (BASE, CARD, TLS)):
        published = {
            name: service["ports"] for name, service in services(*names, **DOMAIN).items() if "ports" in service
        }
        https = ["80:8080", "443:8443"]
        assert published == {"proxy": https if TLS in names else ["127.0.0.1:8000:8080"]}


def test_database_and_queue_are_reached_by_our_own_services_only() -> None:
    networks = project(BASE, **SECRETS)["networks"]
    internal = {name for name, network in networks.items() if network and network.get("internal")}
    assert internal == {"front", "data"}
    members = {
        network: {name for name, one in services().items() if network in one["networks"]} for network in networks
    }
    assert members["data"] == OURS | {"database", "redis"}
    assert members["front"] == {"proxy", "web"}
    assert members["public"] == {"proxy"}
    assert members["outside"] == {"web", "worker", "express", "maintenance"}


def test_every_service_has_limits_that_the_environment_can_change() -> None:
    for name, service in services(BASE, CARD).items():
        assert set(limits(service)) == {"memory", "cpus", "pids"}, name
        assert float(limits(service)["cpus"]) <= 1, name  # Docker refuses more processors than the machine has
        changed = {f"FACEAPP_{name.upper()}_MEMORY": "123m", f"FACEAPP_{name.upper()}_CPUS": "0.5"}
        assert limits(services(**changed)[name]) == limits(service) | {"memory": "123m", "cpus": "0.5"}
    worker = services(BASE, CARD)["worker"]["deploy"]["resources"]
    assert worker["reservations"]["devices"]


def test_what_waits_in_memory_fits_into_it() -> None:
    memory = {name: _bytes(limits(service)["memory"]) for name, service in services().items()}
    [uploads] = [mount for mount in services()["proxy"]["tmpfs"] if mount.startswith("/var/cache/nginx:")]
    assert _bytes(uploads.rpartition("size=")[2]) < memory["proxy"]
    large, others = 4, int(services()["proxy"]["environment"]["FACEAPP_ADDRESS_CALLS"]) - 4
    assert large * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + others * 26_000_000 < _bytes(uploads.rpartition("size=")[2])
    assert 2 * _bytes(re.findall(r"--maxmemory (\S+)", services()["redis"]["command"][2])[0]) < memory["redis"]
    assert 2 * _bytes(services()["database"]["shm_size"]) < memory["database"]


def _bytes(size: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([mg])b?", size).groups()  # type: ignore[union-attr]
    return int(number) << {"m": 20, "g": 30}[unit]


def test_every_log_is_limited() -> None:
    for name, service in services(BASE, TLS, **DOMAIN).items():
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name


def test_no_password_is_an_argument() -> None:
    for name, service in services(BASE, TLS, **DOMAIN).items():
        words = [*service.get("command", []), *service.get("healthcheck", {}).get("test", [])]
        assert not [
            word for word in words if any(f":{secret}@" in word or word == secret for secret in SECRETS.values())
        ], name
    redis = services()["redis"]
    assert redis["environment"] == {"REDISCLI_AUTH": "rd"}  # which redis-cli reads in the health check
    assert redis["healthcheck"]["test"] == ["CMD", "redis-cli", "-e", "ping"]
    assert {services()[name]["environment"]["REDIS_URL"] for name in OURS} == {"redis://:rd@redis:6379/0"}


def test_rates_count_callers_and_https_is_for_the_domain() -> None:
    https = services(BASE, TLS, **DOMAIN)
    for name in OURS:
        assert https[name]["environment"]["FACEAPP_PROXIES"] == "1"
        assert https[name]["environment"]["FACEAPP_HTTPS"] == "1"
        assert https[name]["environment"]["FACEAPP_ALLOWED_HOSTS"] == "faces.example.org,127.0.0.1"
        assert "FACEAPP_HTTPS" not in services()[name]["environment"]


def test_the_proxy_gets_the_defaults_of_the_service() -> None:
    documented = documented_variables()
    own = services(BASE, TLS, **DOMAIN)["proxy"]["environment"]
    shared = {name: value for name, value in own.items() if name in documented and name not in DOMAIN}
    assert len(shared) == 6 and {name: documented[name] for name in shared} == shared


def test_every_variable_of_the_templates_is_given() -> None:
    given = set(services(BASE, TLS, **DOMAIN)["proxy"]["environment"])
    named = {name for file in TEMPLATES.iterdir() for name in re.findall(r"\$\{(\w+)\}", file.read_text())}
    assert named == {name for name in given if name.startswith("FACEAPP_")}


def rendered(site: str = "plain") -> dict[str, str]:
    """The templates with Compose's values, by file name."""
    environment = services(BASE, TLS, **DOMAIN)["proxy"]["environment"] | {"FACEAPP_SITE": site}
    return {
        file.name.removesuffix(".template"): re.sub(
            r"\$\{(\w+)\}", lambda found: environment[found[1]], file.read_text()
        )
        for file in TEMPLATES.iterdir()
    }


def parsed(text: str) -> Block:
    """nginx's directives: each the list of its words, and the directives of its block or None."""
    tokens = iter(re.findall(r"#.*|'[^']*'|\"[^\"]*\"|[{};]|(?:[^\s{};'\"#]|\{\d)[^\s;]*?(?=[\s;])", text))

    def block() -> Block:
        found: Block = []
        words: list[str] = []
        for token in tokens:
            if token in {"{", ";"}:
                found.append((words, block() if token == "{" else None))
                words = []
            elif token == "}":
                return found
            elif not token.startswith("#"):
                words.append(token.strip("'\""))
        return found

    return block()


def values(block: Block) -> dict[str, str]:
    return {words[0]: " ".join(words[1:]) for words, inner in block if inner is None}


def test_slow_callers_and_large_bodies_end_at_the_proxy() -> None:
    [http] = [inner for words, inner in parsed(rendered()["nginx.conf"]) if words == ["http"]]
    found = values(http)
    assert found["client_header_timeout"] == "10s"
    assert found["client_body_timeout"] == "30s"
    assert found["client_max_body_size"] == str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    limits = [words[1:] for words, _ in http if words[0] == "limit_conn"]
    assert limits == [["addresses", "24"], ["large_bodies", "4"]]
    assert found["set_real_ip_from"] == "0.0.0.0/32"  # nobody
    temporary = {value for name, value in found.items() if name.endswith("_temp_path")}
    assert all(folder.startswith("/var/cache/nginx/") for folder in temporary) and len(temporary) == 3
    assert values(parsed(rendered()["routes.conf"]))["proxy_request_buffering"] == "on"


@pytest.mark.parametrize(
    ("length", "encoding", "is_large"),
    [("25999999", "", False), ("26000000", "", True), ("209715200", "", True), ("", "", False), ("", "chunked", True)],
)
def test_few_large_bodies_of_one_address_are_received_at_a_time(length: str, encoding: str, is_large: bool) -> None:
    [http] = [inner for words, inner in parsed(rendered()["nginx.conf"]) if words == ["http"]]
    [sizes] = [inner for words, inner in http if words[0] == "map" and words[-1] == "$large"]
    patterns = [words[0].removeprefix("~") for words, _ in sizes if words[0] != "default"]
    assert any(re.search(pattern, f"{length} {encoding}") for pattern in patterns) is is_large


def test_no_address_is_logged_by_the_proxy() -> None:
    [http] = [inner for words, inner in parsed(rendered()["nginx.conf"]) if words == ["http"]]
    assert values(http)["error_log"].endswith(" emerg")
    assert not re.search(r"\$(request|request_uri|uri|args|http_referer)\b", values(http)["log_format"])


def test_only_nextcloud_waits_for_an_hour() -> None:
    routes = parsed(rendered()["routes.conf"])
    assert values(routes)["proxy_read_timeout"] == "1m60s"
    [(pattern, inner)] = [(words[2], inner) for words, inner in routes if words[:2] == ["location", "~"]]
    assert values(inner)["proxy_read_timeout"] == "1m3600s"
    for route in nextcloud.routes:
        path = reverse(str(route.name))
        for prefix in ("/", "/nextcloud/", "/k/a-token/", "/k/a-token/nextcloud/"):
            assert re.search(pattern, prefix + path.rpartition("/")[2]), path
    assert not re.search(pattern, "/api/v1/detect/") and not re.search(pattern, "/k/t/api/v1/detect")


def test_https_has_a_certificate_for_the_domain_only() -> None:
    site = parsed(rendered("tls")["tls.conf"])
    [issuer] = [values(inner) for words, inner in site if words == ["acme_issuer", "authority"]]
    assert issuer["uri"].startswith("https://")
    folder = issuer["state_path"].rpartition("/")[0]
    assert f"certificates:{folder}" in services(BASE, TLS, **DOMAIN)["proxy"]["volumes"]
    plain, unknown, own = [inner for words, inner in site if words == ["server"]]
    assert values(plain[1][1])["return"] == "301 https://faces.example.org$request_uri"
    assert values(unknown)["ssl_reject_handshake"] == "on"
    assert values(own)["server_name"] == "faces.example.org"
    assert values(own)["acme_certificate"] == "authority"
    assert values(own)["ssl_protocols"] == "TLSv1.2 TLSv1.3"
    assert values(own)["include"].endswith("/routes.conf")


def test_the_example_for_an_nginx_of_your_own_agrees_with_the_bundled_one() -> None:
    [[(_, server)]] = [[one for one in parsed(text) if one[0] == ["server"]] for text in EXAMPLES]
    [http] = [inner for words, inner in parsed(rendered()["nginx.conf"]) if words == ["http"]]
    own, bundled = values(server), values(http) | values(parsed(rendered()["routes.conf"]))
    same = (
        "client_header_timeout",
        "client_body_timeout",
        "send_timeout",
        "proxy_request_buffering",
        "limit_conn_status",
    )
    assert {name: own[name] for name in same} == {name: bundled[name] for name in same}
    assert own["client_max_body_size"] == "200m" and settings.DATA_UPLOAD_MAX_MEMORY_SIZE == 200 << 20
    assert [words for words, inner in server if inner] == [
        words for words, inner in parsed(rendered()["routes.conf"]) if inner and not words[1].startswith("@")
    ]
    assert "request_buffering off" not in NEXTCLOUD


@pytest.mark.skipif(NGINX is None, reason=f"{missing.DATA}: nginx, of any version from 1.22")
def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    for name, text in rendered().items():
        moved = re.sub(r"/(etc/nginx/conf\.d|var/cache/nginx|tmp|dev)/", f"{tmp_path}/", text)
        (tmp_path / name).write_text(moved)
    command = [str(NGINX), "-t", "-q", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
