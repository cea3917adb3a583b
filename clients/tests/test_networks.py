from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.test import APIClient

from clients import services
from clients.models import Client
from clients.networks import contains, validate_network

pytestmark = pytest.mark.django_db
USAGE = "/api/v1/usage/"
UNKNOWN = {"detail": "This API key is not known.", "code": "auth.invalid_key"}


@pytest.mark.parametrize(
    ("networks", "address", "expected"),
    [
        (["10.1.0.0/16"], "10.1.255.255", True),
        (["10.1.0.0/16"], "10.2.0.0", False),
        (["10.1.0.0/16", "192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        (["2001:db8::/32"], "2001:db8:ffff::1", True),
        (["2001:db8::/32"], "2001:db9::", False),
        (["10.1.0.0/16"], "::ffff:10.1.2.3", True),
        (["::/0"], "10.1.2.3", False),
        (["0.0.0.0/0"], "", False),
        (["0.0.0.0/0"], "unknown", False),
        ([], "10.1.2.3", False),
    ],
)
def test_which_addresses_are_in_which_networks(networks: list[str], address: str, expected: bool) -> None:
    assert contains(networks, address) == expected


@pytest.mark.parametrize(
    "text", ["", "office", "10.1.0.1/16", "10.1.0.0/33", "10.1", "2001:db8::/129", "10.1.0.0/16\n"]
)
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValidationError):
        validate_network(text)


@pytest.fixture
def key(client_a: Client) -> Iterator[str]:
    yield services.create_api_key(client_name=client_a.name, networks=["10.1.0.0/16"])[1]


def ask(key: str, address: str, **headers: str) -> Response:
    answer: Response = APIClient(REMOTE_ADDR=address).get(USAGE, headers={"X-API-Key": key} | headers)
    return answer


def test_a_key_works_from_its_networks_only(key: str, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(key, "10.1.2.3").status_code == 200
    refused = ask(key, "192.0.2.1")
    assert (refused.status_code, refused.json()) == (401, UNKNOWN)
    [line] = [record.getMessage() for record in caplog.records if record.name == "clients.authentication"]
    assert "outside its networks" in line and key not in line and key.partition(".")[0] not in line


def test_strangers_learn_nothing_of_a_key(key: str, client_a: Client) -> None:
    """A revoked key, one of an inactive client and one that does not exist are the same from elsewhere."""
    services.revoke_api_key(key=client_a.api_keys.get())
    assert ask(key, "192.0.2.1").json() == ask("x" * 8 + "." + "y" * 32, "192.0.2.1").json() == UNKNOWN
    assert ask(key, "10.1.2.3").json()["code"] == "auth.revoked_key"


def test_behind_proxies_the_address_is_what_they_say(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller can send any `X-Forwarded-For`: the part that a trusted proxy appended counts."""
    assert ask(key, "192.0.2.1", **{"X-Forwarded-For": "10.1.2.3"}).status_code == 401
    monkeypatch.setattr("rest_framework.settings.api_settings.NUM_PROXIES", 1)
    assert ask(key, "192.0.2.1", **{"X-Forwarded-For": "10.1.2.3"}).status_code == 200
    assert ask(key, "192.0.2.1", **{"X-Forwarded-For": "10.1.2.3, 198.51.100.9"}).status_code == 401
    assert ask(key, "10.1.2.3", **{"X-Forwarded-For": "198.51.100.9"}).status_code == 401


def test_path_tokens_are_bound_too(key: str, client_a: Client) -> None:
    path = f"/k/{services.make_path_token(key=client_a.api_keys.get())}{USAGE}"
    assert APIClient(REMOTE_ADDR="10.1.2.3").get(path).status_code == 200
    assert APIClient(REMOTE_ADDR="192.0.2.1").get(path).json() == UNKNOWN


def test_keys_from_elsewhere_count_as_wrong_ones(key: str, settings: object) -> None:
    settings.FAILED_KEY_LIMIT = "2/min"  # type: ignore[attr-defined]
    assert [ask(key, "192.0.2.1").status_code for _ in range(3)] == [401, 401, 429]
