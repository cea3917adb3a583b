"""What a client has stored is erased as a whole, and nothing of anybody else."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from albums import curation, services
from albums.models import Album, AlbumImage, FaceGroup
from blacklist.services import create_entry
from clients.models import ApiKey, Client
from clients.services import create_api_key
from compat.faceanalysis.accounts import create_account
from people.models import Person
from recognition.services import screening_options, submit_images
from vision.tests.drawing import RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db
KEPT = {"clients.Client", "clients.ApiKey"}
RESET = "/api/v1/reset/"


def fill(client: Client) -> None:
    """Something in every app."""
    submissions = [read_submission(Upload(picture(RED)))]
    create_entry(client=client, name="Red", uploads=[Upload(picture(RED))])
    submit_images(client=client, submissions=submissions, options=screening_options(client=client))
    album = services.create_album(client=client, name="holiday", keep_images=True)
    services.add_images(album=album, submissions=submissions * 2)
    services.queue_images(album=album)
    curation.name_group(group=FaceGroup.objects.select_related("album", "person").get(album=album), name="Rose")
    create_account(client=client, username=client.name, password="p")


def rows() -> dict[str, int]:
    own = {"clients", "people", "blacklist", "recognition", "albums", "faceanalysis", "nextcloud"}
    models = [model for model in apps.get_models() if model._meta.app_label in own]
    return {model._meta.label: model._base_manager.count() for model in models}


def files(media_root: Path) -> int:
    return len([path for path in media_root.rglob("*") if path.is_file()])


@pytest.fixture
def two_clients(client_a: Client, client_b: Client, media_root: Path) -> tuple[dict[str, int], int]:
    """Both have everything; rows and files of one of them."""
    key = create_api_key(client_name=client_b.name)[0]
    fill(client_b)
    one = rows(), files(media_root)
    create_api_key(client_name=client_a.name)
    fill(client_a)
    assert key.pk
    return one


def test_command_erases_one_client(two_clients: tuple[dict[str, int], int], client_a: Client, media_root: Path) -> None:
    out = StringIO()
    call_command("reset_client", client_a.name, "--yes", stdout=out)
    left = rows()
    assert {label: left[label] for label in left if label not in KEPT} == {
        label: count for label, count in two_clients[0].items() if label not in KEPT
    }
    assert files(media_root) == two_clients[1]
    assert ApiKey.objects.filter(client=client_a).exists()
    assert "albums.AlbumFace: 2" in out.getvalue()
    assert not {"Rose", "holiday"} & set(out.getvalue().split())


@pytest.mark.parametrize(("typed", "erased"), [("alice", True), ("yes", False), (None, False)])
def test_command_asks(client_a: Client, monkeypatch: pytest.MonkeyPatch, typed: str | None, erased: bool) -> None:
    def answer(_: str) -> str:
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr("builtins.input", answer)
    Person.objects.create(client=client_a, name="Rose")
    if erased:
        call_command("reset_client", "alice", stdout=StringIO())
    else:
        with pytest.raises(CommandError, match="Nothing"):
            call_command("reset_client", "alice", stdout=StringIO())
    assert Person.objects.exists() is not erased


def test_command_knows_its_clients(db: None) -> None:
    with pytest.raises(CommandError, match="no client"):
        call_command("reset_client", "nobody", "--yes")


def api_of(client: Client, *scopes: str) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client.name, scopes=scopes or ["all"])[1]})


def test_call_erases_what_the_keys_client_has(
    two_clients: tuple[dict[str, int], int], client_a: Client, client_b: Client, settings: Settings
) -> None:
    settings.ALLOW_RESET = True
    api = api_of(client_a, "reset")
    answer = api.post(RESET)
    assert (answer.status_code, answer.json()["erased"]["albums.AlbumImage"]) == (200, 2)
    assert set(Album.objects.values_list("client", flat=True)) == {client_b.pk}
    assert api.post(RESET).json() == {"erased": {}}


def test_call_is_refused_unless_everything_allows_it(client_a: Client, settings: Settings) -> None:
    services.create_album(client=client_a, name="holiday")
    off = api_of(client_a, "reset").post(RESET)
    assert (off.status_code, off.json()["code"]) == (404, "reset.disabled")
    settings.ALLOW_RESET = True
    settings.ANONYMOUS_CLIENT = client_a.name
    for api in (api_of(client_a), api_of(client_a, "albums"), APIClient()):
        answer = api.post(RESET)
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.missing_scope")
    assert Album.objects.exists()
    assert not AlbumImage.objects.exists()
