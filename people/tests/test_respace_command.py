"""`manage.py respace`, the admin's page and the API's list."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, Role, Scope
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member
from people import respacing
from people.checks import check_respace_at_once, check_spaces_of_galleries
from people.models import Gallery, Respace
from people.tests.respaces import (
    computed,
    enrol,
    enrol_without_picture,
    lose_file,
    new_space,
    old_space,
    search,
    spaces_of,
    switched,
    templates,
)
from vision.tests.drawing import GREEN

pytestmark = pytest.mark.django_db
LIST = "/admin/people/respace/"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("respace", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> str:
    """What is printed before the command fails."""
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("respace", *arguments, stdout=out)
    return out.getvalue()


# ---- command ----------------------------------------------------------------------------------------------------
def test_the_whole_way_for_every_client(client_a: Client, client_b: Client) -> None:
    for client in (client_a, client_b):
        enrol(client)
    out = run("--to", "second")
    assert f"alice, ready: 1 of 1 photographs have a template in {new_space()}; 0 failed." in out
    assert "bob, ready" in out and "0 faces of searches were decided in both spaces" in out
    assert run("--to", new_space(), "--no-wait") == out  # by the name of the space; again
    assert "alice, ready" in run()
    assert run("--switch", "--client", "alice") == f"alice: {new_space()} decides now.\n"
    assert spaces_of(client_b) == {old_space()}
    assert "bob: refused" in refused("--back")
    assert spaces_of(client_a) == {old_space()}
    run("--switch")
    assert "Repeat it in" in refused("--forget-old")
    Respace.objects.update(switched_at="2020-01-01T00:00Z")
    assert run("--forget-old") == "alice: 1 old templates are deleted.\nbob: 1 old templates are deleted.\n"
    assert templates(client_a) == [new_space()]
    assert run() == ""
    with pytest.raises(CommandError, match="No client is being moved"):
        run("--switch")


def test_failed_photographs_and_people_at_risk_are_listed(client_a: Client) -> None:
    broken, unseen = enrol(client_a, GREEN, "u2", source="staff"), enrol_without_picture(client_a)
    lose_file(broken)
    number = broken.person.number
    out = run("--to", "second")
    assert f"photograph {broken.number} of person {number}: image.gone: " in out
    at_risk = f"person {number} in 'staff' would be lost: {respacing.NOT_EMBEDDED}"
    assert at_risk in out and f"person {unseen.number} in 'default' would be lost: known by embeddings alone" in out
    out = refused("--switch")
    assert "alice: refused. 2 people would not be found any more." in out and at_risk in out
    assert at_risk in run("--switch", "--lose-people")


def test_templates_are_filled_in_without_a_move(client_a: Client, client_b: Client) -> None:
    enrol(client_a), enrol(client_b)
    assert "alice, closed: 1 of 1" in run("--to", "second", "--fill", "--client", "alice")
    assert (spaces_of(client_a), templates(client_b)) == ({old_space()}, [old_space()])
    assert run() == ""


def test_a_move_can_be_given_up(client_a: Client) -> None:
    enrol(client_a)
    run("--to", "second")
    assert run("--cancel") == "alice: cancelled.\n"
    assert templates(client_a) == [new_space(), old_space()][::-1] or len(templates(client_a)) == 2
    assert Respace.objects.get().status == "closed"


def test_unknown_names_are_refused(client_a: Client) -> None:
    with pytest.raises(CommandError, match=r"no engine 'third' here. Enabled: default \(fake-fake-4\), second"):
        run("--to", "third")
    with pytest.raises(CommandError, match="no client 'nobody'"):
        run("--to", "second", "--client", "nobody")
    assert not Respace.objects.exists()


def test_another_move_is_refused_for_its_client_alone(client_a: Client, client_b: Client, settings: Settings) -> None:
    computed(client_a)
    settings.FACE_ENGINES = settings.FACE_ENGINES | {
        "third": {"BACKEND": "vision.engines.fake.FakeEngine", "OPTIONS": {"model": "Fake5", "dimensions": 5}}
    }
    out = refused("--to", "third")
    assert "alice: refused. The client is being moved to" in out and "bob, ready" in out


def test_says_so_when_no_worker_answers(client_a: Client, settings: Settings) -> None:
    from vision import inference

    settings.CELERY_TASK_ALWAYS_EAGER = False
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(inference.require_worker, "__kwdefaults__", {"seconds": 0.2})
        with pytest.raises(CommandError, match="No worker answers"):
            run("--to", "second")


# ---- checks -----------------------------------------------------------------------------------------------------
def test_a_number_below_0_at_once_is_no_setting(settings: Settings) -> None:
    assert check_respace_at_once(None) == []
    settings.RESPACE_AT_ONCE = -1
    [problem] = check_respace_at_once(None)
    assert problem.id == "people.E003" and "FACEAPP_RESPACE_AT_ONCE is -1" in problem.msg


def test_galleries_of_a_model_that_is_not_enabled_are_named(client_a: Client, settings: Settings) -> None:
    enrol(client_a)
    switched(client_a)
    assert check_spaces_of_galleries(None, databases=["default"]) == []
    settings.FACE_ENGINES = {"default": settings.FACE_ENGINES["default"]}
    [problem] = check_spaces_of_galleries(None, databases=["default"])
    assert problem.id == "people.W002" and f"Galleries in the space {spaces_of(client_a).pop()}: 1." in problem.msg


# ---- admin ------------------------------------------------------------------------------------------------------
def act(browser: Browser, action: str, respace: Respace) -> str:
    form = {"action": action, "_selected_action": [respace.pk]}
    return browser.post(LIST, form, follow=True).content.decode()


def test_the_admin_shows_a_respace_and_switches_it(client_a: Client) -> None:
    image = enrol(client_a)
    respace = computed(client_a)
    respace.differences.create(before=image.person, before_similarity=0.8, after_similarity=0.6)
    browser = browser_of(make_member(client_a, Role.MANAGER))
    page = browser.get(LIST).content.decode()
    assert "1 of 1 photographs" in page and "ready" in page
    page = browser.get(f"{LIST}{respace.pk}/change/").content.decode()
    assert f"person {image.person.number}" in page and "nobody" in page and "0.60" in page
    assert "decides for alice now" in act(browser, "switch", respace)
    assert spaces_of(client_a) == {new_space()}
    assert "This is possible only" in act(browser, "switch", respace)
    assert "decides for alice again" in act(browser, "switch_back", respace)
    assert spaces_of(client_a) == {old_space()}
    assert browser.get(f"{LIST}add/").status_code == browser.post(f"{LIST}{respace.pk}/delete/").status_code == 403


def test_the_admin_loses_nobody(client_a: Client) -> None:
    broken, unseen = enrol(client_a), enrol_without_picture(client_a)
    lose_file(broken)
    respace = computed(client_a)
    browser = browser_of(make_member(client_a, Role.MANAGER))
    assert "2 people would not be found any more" in act(browser, "switch", respace)
    page = browser.get(f"{LIST}{respace.pk}/change/").content.decode()
    assert "image.gone" in page and "known by embeddings alone" in page and f"<td>{unseen.number}</td>" in page
    assert spaces_of(client_a) == {old_space()}


def test_operators_only_look(client_a: Client) -> None:
    respace = computed(client_a)
    browser = browser_of(make_member(client_a, Role.OPERATOR))
    assert browser.get(LIST).status_code == 200
    act(browser, "switch", respace)
    assert spaces_of(client_a) == {old_space()}


# ---- API --------------------------------------------------------------------------------------------------------
def test_a_client_sees_its_own_respaces(client_a: Client, client_b: Client) -> None:
    enrol(client_a)
    enrol_without_picture(client_a)
    computed(client_a)
    switched(client_b)
    reader = APIClient(headers={"X-API-Key": create_api_key(client_name="alice", scopes=[Scope.PEOPLE_READ])[1]})
    [row] = reader.get("/api/v1/respaces/").json()["items"]
    del row["uuid"], row["created_at"], row["computed_at"]
    assert row == {
        "id": 1,
        "space": new_space(), "status": "ready", "photographs": 1, "templates": 1, "failed": 0, "people_at_risk": 1,
        "compared": 0, "lost_matches": 0, "new_matches": 0, "other_matches": 0, "switched_at": None,
    }  # fmt: skip
    other = APIClient(headers={"X-API-Key": create_api_key(client_name="alice", scopes=[Scope.ALBUMS])[1]})
    assert other.get("/api/v1/respaces/").status_code == 403
    assert reader.post("/api/v1/respaces/").status_code in (403, 405)
    assert reader.get("/api/v1/galleries/default/").json()["space"] == old_space()
    assert search(client_a).space == old_space()
    assert Gallery.objects.filter(client=client_a, space="").count() == 0
