"""Modes and limits that the running service of the contract tests has not switched on, and rules of the accounts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.core.checks import CheckMessage
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from albums.models import Album, AlbumImage
from clients.models import Client
from compat.faceanalysis import accounts, checks, models, services
from compat.faceanalysis.models import Account
from vision.exceptions import InvalidImage
from vision.tests.drawing import BLUE, DIM, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
API = "/api/v1/"


@pytest.fixture(autouse=True)
def fresh_counters() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


GOOD = "correct horse battery"


@contextmanager
def freeze(*, seconds: int) -> Iterator[None]:
    """Tokens are read as if it were later."""
    now = time.time() + seconds
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("django.core.signing.time.time", lambda: now)
        yield


@pytest.fixture
def account(client_a: Client) -> Account:
    return accounts.create_account(client=client_a, username="alice", password="secret")


def basic(username: str, password: str) -> APIClient:
    import base64

    text = base64.b64encode(f"{username}:{password}".encode()).decode()
    return APIClient(headers={"Authorization": f"Basic {text}"})


@pytest.fixture
def api(account: Account) -> APIClient:
    return basic("alice", "secret")


def send(api: APIClient, name: str = "a.jpg", kind: str = "image/jpeg", data: bytes | None = None) -> Any:
    file = SimpleUploadedFile(name, data if data is not None else picture(RED, kind="JPEG"), kind)
    return api.post(f"{API}upload_image", {"image": file}, format="multipart")


def process(api: APIClient, image_id: str) -> Any:
    return api.post(f"{API}process_image", {"img_id": image_id}, format="multipart")


# ---- registration -----------------------------------------------------------------------------------------------
def test_registration_is_closed_by_default() -> None:
    answer = APIClient().post(f"{API}register_user", {"username": "u", "password": "p"})
    assert answer.status_code == 403
    assert "Ask the administrator" in answer.json()["error_msg"]
    assert not Account.objects.exists()


def test_who_registers_belongs_to_the_client_of_the_settings(settings: Settings) -> None:
    settings.FACEANALYSIS_REGISTRATION, settings.FACEANALYSIS_CLIENT = True, "photo-club"
    assert APIClient().post(f"{API}register_user", {"username": "u", "password": GOOD}).status_code == 201
    account = Account.objects.get()
    assert (account.client.name, account.password == GOOD) == ("photo-club", False)


@pytest.mark.parametrize("username", ["x" * 33, "a:b", "a/b", "a\0b", "a\nb", "   "])
def test_names_that_cannot_be_used_are_refused(settings: Settings, username: str) -> None:
    settings.FACEANALYSIS_REGISTRATION = True
    answer = APIClient().post(f"{API}register_user", {"username": username, "password": GOOD})
    assert (answer.status_code, list(answer.json())) == (400, ["error_msg"])
    assert not Account.objects.exists()


@pytest.mark.parametrize("password", ["p", "password", "ursula1", "11111111"])
def test_passwords_that_are_easy_to_guess_are_refused(settings: Settings, hashed: list[str], password: str) -> None:
    settings.FACEANALYSIS_REGISTRATION = True
    body = {"username": "ursula12", "password": password}
    answer = APIClient().post(f"{API}register_user", body)
    assert (answer.status_code, list(answer.json())) == (400, ["error_msg"])
    assert not Account.objects.exists() and hashed == []
    settings.FACEANALYSIS_ANY_PASSWORD = True  # for programs that choose short ones
    assert APIClient().post(f"{API}register_user", body).status_code == 201


def test_a_name_is_unique_within_its_client_only(account: Account, client_b: Client, settings: Settings) -> None:
    """Whoever registers learns nothing of the accounts of others."""
    settings.FACEANALYSIS_REGISTRATION, settings.FACEANALYSIS_CLIENT = True, client_b.name
    body = {"username": "alice", "password": GOOD}
    first, second = [APIClient().post(f"{API}register_user", body) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 400)
    assert second.json() == {"error_msg": "User already registered"}
    later = Account.objects.get(client=client_b)
    assert accounts.account_of_password(username="alice", password="secret") == account
    assert accounts.account_of_password(username="alice", password=GOOD) is None  # the name alone is the older one's
    assert accounts.account_of_password(username="bob/alice", password=GOOD) == later
    assert accounts.account_of_password(username="bob/alice", password="secret") is None
    assert accounts.account_of_password(username="alice/alice", password="secret") == account
    for one in (account, later):
        assert accounts.account_of_token(accounts.token_of(one)) == one
    Account.objects.filter(pk=account.pk).update(is_active=False)
    assert accounts.account_of_password(username="alice", password=GOOD) is None


def test_a_token_renews_itself_no_longer_than_it_lasts(account: Account, api: APIClient, settings: Settings) -> None:
    token = api.get(f"{API}token").json()["token"]
    assert basic(token, "").get(f"{API}token").json() == {"token": token}
    with freeze(seconds=400):
        again = basic(token, "").get(f"{API}token").json()["token"]
        assert basic(again, "").get(f"{API}images").status_code == 200
    with freeze(seconds=600):
        assert basic(again, "").get(f"{API}images").status_code == 401
        assert api.get(f"{API}token").status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b'{"username": {"a": 1}, "password": "p"}'])
def test_bodies_that_make_no_sense_are_400(settings: Settings, body: bytes) -> None:
    settings.FACEANALYSIS_REGISTRATION = True
    answer = APIClient().post(f"{API}register_user", body, content_type="application/json")
    assert answer.status_code == 400


# ---- logins -----------------------------------------------------------------------------------------------------
def test_guessing_is_slowed_down_and_tokens_still_work(account: Account, api: APIClient, settings: Settings) -> None:
    settings.FACEANALYSIS_LOGIN_LIMIT = "3/hour"
    token = api.get(f"{API}token").json()["token"]
    assert [basic("alice", "wrong").get(f"{API}images").status_code for _ in range(3)] == [401] * 3
    answer = api.get(f"{API}images")
    assert (answer.status_code, list(answer.json())) == (429, ["error_msg"])
    assert int(answer["Retry-After"]) > 0
    assert basic(token, "").get(f"{API}images").status_code == 200
    accounts.create_account(client=account.client, username="bob", password="p")
    assert basic("bob", "p").get(f"{API}images").status_code == 200


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords of which a hash was computed."""
    seen: list[str] = []

    def watch(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda password, *more: (seen.append(password), function(password, *more))[1]

    for module, name in ((accounts, "make_password"), (models, "check_password"), (models, "make_password")):
        monkeypatch.setattr(module, name, watch(getattr(module, name)))
    return seen


def test_no_password_is_hashed_beyond_the_limit_of_an_address(
    account: Account, settings: Settings, hashed: list[str]
) -> None:
    settings.FAILED_KEY_LIMIT = "3/hour"
    answers = [basic(f"name {number}", f"wrong {number}").get(f"{API}images").status_code for number in range(5)]
    assert answers == [401, 401, 401, 429, 429]
    assert hashed == ["wrong 0", "wrong 1", "wrong 2"]
    assert basic("alice", "secret").get(f"{API}images").status_code == 429
    assert len(hashed) == 3


def test_right_passwords_do_not_count(api: APIClient, settings: Settings) -> None:
    settings.FAILED_KEY_LIMIT = settings.FACEANALYSIS_LOGIN_LIMIT = "2/hour"
    assert [api.get(f"{API}images").status_code for _ in range(4)] == [200] * 4


def test_registrations_are_limited_before_a_password_is_hashed(settings: Settings, hashed: list[str]) -> None:
    settings.FACEANALYSIS_REGISTRATION, settings.FAILED_KEY_LIMIT = True, "2/hour"
    answers = [
        APIClient().post(f"{API}register_user", {"username": f"u{number}", "password": GOOD}) for number in range(4)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
    assert list(answers[-1].json()) == ["error_msg"]
    assert hashed == [GOOD, GOOD]


def test_fa_08_expired_token(account: Account, settings: Settings) -> None:
    token = accounts.token_of(account)
    settings.FACEANALYSIS_TOKEN_SECONDS = -1
    assert basic(token, "").get(f"{API}images").status_code == 401


def test_a_token_says_nothing_of_other_accounts(account: Account, client_a: Client) -> None:
    umlauts = accounts.create_account(client=client_a, username="Jürgen-2 Ω", password="secret")
    for one in (account, umlauts):
        token = accounts.token_of(one)
        assert token.rpartition("-")[0] and ":" not in token and not token.startswith(f"{one.pk}-")
        assert accounts.account_of_token(token) == one
    later = Account(pk=account.pk + 1000, client=client_a, username=account.username, password=account.password)
    parts = [accounts.token_of(one).split(".")[0] for one in (account, later)]
    assert parts[0] == parts[1]  # the row's number is no part of it


def test_new_password_ends_tokens_and_remembered_logins(account: Account, api: APIClient) -> None:
    token = api.get(f"{API}token").json()["token"]
    account.set_password("other")
    account.save()
    assert {basic(*pair).get(f"{API}images").status_code for pair in ((token, ""), ("alice", "secret"))} == {401}
    assert basic("alice", "other").get(f"{API}images").status_code == 200


@pytest.mark.parametrize("switch", ["account", "client"])
def test_inactive_accounts_and_clients_are_refused(account: Account, api: APIClient, switch: str) -> None:
    token = api.get(f"{API}token").json()["token"]
    row = account if switch == "account" else account.client
    row.is_active = False
    row.save()
    assert api.get(f"{API}images").status_code == basic(token, "").get(f"{API}images").status_code == 401


def test_a_right_password_is_hashed_once_and_kept_nowhere(
    account: Account, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.get(f"{API}images")
    monkeypatch.setattr(Account, "check_password", lambda *_: pytest.fail("hashed again"))
    assert api.get(f"{API}images").status_code == 200


def test_pages_of_other_sites_are_not_served(api: APIClient) -> None:
    """A browser repeats Basic credentials by itself."""
    assert api.get(f"{API}images", headers={"Origin": "https://evil.example"}).status_code == 401


# ---- whose images -----------------------------------------------------------------------------------------------
def test_accounts_of_a_client_share_images_and_others_see_none(
    api: APIClient, account: Account, client_b: Client
) -> None:
    send(api)
    process(api, "a")
    accounts.create_account(client=account.client, username="ally", password="p")
    accounts.create_account(client=client_b, username="bob", password="p")
    assert basic("ally", "p").get(f"{API}images").json() == {"imgs": ["a"]}
    stranger = basic("bob", "p")
    assert stranger.get(f"{API}images").json() == {"imgs": []}
    assert stranger.get(f"{API}process_image/a").status_code == process(stranger, "a").status_code == 400
    assert stranger.get(f"{API}image_matches/a").json() == {"imgs": [], "distances": []}


def test_images_of_a_client_are_its_album(api: APIClient, account: Account) -> None:
    send(api)
    album = Album.objects.get()
    assert (album.client, album.name, album.images.get().external_id) == (account.client, services.ALBUM, "a")


# ---- modes ------------------------------------------------------------------------------------------------------
def test_fa_10_12_15_uuid_mode(api: APIClient, settings: Settings) -> None:
    settings.FACEANALYSIS_IDS = "uuid"
    ids = [send(api).json()["img_id"] for _ in range(2)]
    assert len({uuid.UUID(image_id) for image_id in ids}) == 2
    assert send(api, "a.jpg", "application/octet-stream").status_code == 200
    assert send(api, "x" * 300 + ".jpg").status_code == 200
    assert send(api, ".jpg").status_code == 200
    for name, kind, data in (("t.txt", "text/plain", b"text"), ("t.jpg", "image/jpeg", b"text")):
        assert send(api, name, kind, data).status_code == 400


def test_fa_33_open_mode(settings: Settings) -> None:
    settings.FACEANALYSIS_OPEN = True
    api = APIClient()
    assert send(api).json() == {"img_id": "a"}
    assert process(api, "a").json() == {"img_id": "a"}
    assert api.get(f"{API}process_image/a").json()["status"] == "finished_processing"
    assert api.get(f"{API}image_matches/a").json() == {"imgs": [], "distances": []}
    assert basic("nobody", "p").get(f"{API}images").json() == {"imgs": ["a"]}
    assert api.get(f"{API}token").status_code == 401
    assert AlbumImage.objects.get().album.client.name == "faceanalysis"


# ---- distances and names ----------------------------------------------------------------------------------------
def test_distances_are_scaled_to_the_threshold_of_the_dialect(api: APIClient) -> None:
    """The fake engine's threshold is 0.2, the dialect's 0.6."""
    for name, colour in (("a", RED), ("b", (RED[0] - 30, *RED[1:])), ("c", BLUE)):
        send(api, f"{name}.png", data=picture(colour))
        process(api, name)
    body = api.get(f"{API}image_matches/a").json()
    assert body["imgs"] == ["b"]
    assert body["distances"][0] == pytest.approx(30 / 255 * 3, abs=0.005)


def test_native_images_of_the_album_have_no_id_here(api: APIClient) -> None:
    send(api)
    process(api, "a")
    AlbumImage.objects.update(external_id=None)
    send(api, "b.jpg")
    process(api, "b")
    assert api.get(f"{API}image_matches/b").json() == {"imgs": [], "distances": []}
    assert api.get(f"{API}images").json() == {"imgs": ["b"]}


@pytest.mark.parametrize(
    ("name", "stem"),
    [("A1.jpg", "A1"), ("a.b.c.jpg", "a"), (r"C:\x\y z.jpg", "y_z"), ("Zo\u00eb.png", "Zo\u00eb"), ("-_x_-.jpg", "x")],
)
def test_ids_of_file_names(name: str, stem: str) -> None:
    assert services.stem_of(name) == stem


def test_upload_outside_of_the_limits(account: Account, settings: Settings) -> None:
    settings.MAX_IMAGE_BYTES = 100
    with pytest.raises(InvalidImage):
        services.upload(client=account.client, file=Upload(picture(RED, kind="JPEG"), "a.jpg"))


# ---- settings ---------------------------------------------------------------------------------------------------
def ids_of(messages: list[CheckMessage]) -> list[str | None]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_settings_that_cannot_be_are_said(settings: Settings) -> None:
    assert ids_of(checks.check_faceanalysis()) == []
    settings.FACEANALYSIS_IDS = "number"
    settings.FACEANALYSIS_TOKEN_SECONDS = 0
    settings.FACEANALYSIS_CLIENT = "no spaces"
    assert ids_of(checks.check_faceanalysis()) == [f"faceanalysis.E00{n}" for n in (1, 2, 3)]


def test_open_mode_is_said_before_it_is_deployed(settings: Settings) -> None:
    assert ids_of(checks.check_open_mode()) == []
    settings.FACEANALYSIS_OPEN = True
    assert ids_of(checks.check_open_mode()) == ["faceanalysis.W001"]


@pytest.mark.parametrize(
    ("colours", "message"),
    [
        ((), "No faces found in image"),
        ((DIM,), "No recognisable faces found in image"),
        ((DIM, RED), "1 of 2 faces not recognisable"),
        ((RED, BLUE), None),
    ],
)
def test_the_error_message_names_faces_that_cannot_be_recognised(api: APIClient, colours: Any, message: Any) -> None:
    for name in ("a", "b"):
        send(api, f"{name}.png", data=picture(*colours))
        process(api, name)
    body = api.get(f"{API}process_image/a").json()
    assert body == {"status": "finished_processing", "error_msg": message}
    assert len(message or "") <= 50
    matched = api.get(f"{API}image_matches/a").json()["imgs"]
    assert matched == (["b"] if RED in colours else [])
