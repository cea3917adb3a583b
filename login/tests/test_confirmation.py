"""Before something is erased or opened, people are asked again who they are."""

from __future__ import annotations

import inspect
import time

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import get_resolver
from pytest_django.fixtures import Settings

from clients.models import ApiKey, Client
from clients.services import create_api_key
from login.confirmation import FORMS_OF_RIGHTS, FORMS_OF_SECRETS, HARMLESS, PENDING
from login.tests.conftest import log_in
from notifications.models import Subscription

pytestmark = pytest.mark.usefixtures("redis_flush")


@pytest.fixture
def idle(settings: Settings, admin: User, browser: Browser) -> Browser:
    """Someone who logged in eleven minutes ago."""
    settings.CONFIRM_SECONDS = 600
    log_in(browser)
    session = browser.session
    session[AUTHENTICATION_METHODS_SESSION_KEY][0]["at"] = time.time() - 660
    session.save()
    return browser


def confirm(browser: Browser, target: str):
    return browser.post(f"/login/confirm/?next={target}", {"password": "the right password", "next": target})


def go_on(browser: Browser) -> None:
    """Send the form of the page that follows a confirmation."""
    assert confirm(browser, "/login/go-on/")["Location"] == "/login/go-on/"
    context = browser.get("/login/go-on/").context
    browser.post(context["path"], dict(context["fields"]))


@pytest.mark.parametrize("path", ["clients/apikey", "auth/user", "rekognition/signingsecret"])
def test_forms_that_open_something_ask_first(idle: Browser, path: str) -> None:
    path = f"/admin/{path}/add/"
    answer = idle.get(path)
    assert answer["Location"].startswith("/login/confirm/?next=%2Fadmin%2F")
    assert confirm(idle, path)["Location"] == path
    assert idle.get(path).status_code == 200


def test_a_fresh_login_is_enough(settings: Settings, admin: User, browser: Browser) -> None:
    settings.CONFIRM_SECONDS = 600
    log_in(browser)
    assert browser.get("/admin/clients/apikey/add/").status_code == 200


def test_a_wrong_password_confirms_nothing(idle: Browser) -> None:
    idle.post("/login/confirm/", {"password": "wrong"})
    assert idle.get("/admin/clients/apikey/add/").status_code == 302


def test_a_deletion_goes_on_after_the_confirmation(idle: Browser) -> None:
    client = Client.objects.create(name="to be erased")
    path = f"/admin/clients/client/{client.pk}/delete/"
    assert idle.post(path, {"post": "yes"}).status_code == 302
    assert Client.objects.filter(pk=client.pk).exists()
    go_on(idle)
    assert not Client.objects.filter(pk=client.pk).exists()


def test_an_action_goes_on_after_the_confirmation(idle: Browser) -> None:
    row, _ = create_api_key(client_name="alice", name="x")
    path = "/admin/clients/apikey/"
    idle.post(path, {"action": "make_path_token", "_selected_action": row.pk})
    assert not ApiKey.objects.get().path_token_hash
    go_on(idle)
    assert ApiKey.objects.get().path_token_hash


def test_a_form_of_rights_asks_when_it_is_sent_and_goes_on(idle: Browser) -> None:
    user = User.objects.create_user("grace")
    path = f"/admin/auth/user/{user.pk}/change/"
    form = {"username": "grace", "is_staff": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    form |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    assert idle.get(path).status_code == 200
    assert idle.post(path, form).status_code == 302
    assert not User.objects.get(username="grace").is_staff
    go_on(idle)
    assert User.objects.get(username="grace").is_staff


def test_a_subscription_asks_when_it_is_sent(idle: Browser) -> None:
    client = Client.objects.create(name="told")
    form = {"client": client.pk, "name": "x", "way": "email", "target": "a@example.org", "events": ["hit"]}
    assert idle.post("/admin/notifications/subscription/add/", form)["Location"].startswith("/login/confirm/")
    assert not Subscription.objects.exists()
    go_on(idle)
    assert Subscription.objects.get().target == "a@example.org"


def test_a_form_of_another_site_does_not_wait_for_a_confirmation(idle: Browser) -> None:
    client = Client.objects.create(name="told")
    idle.handler.enforce_csrf_checks = True
    path = f"/console/clients/{client.pk}/"
    forged = idle.post(path, {"for_client": client.pk, "name": "x"}, headers={"Origin": "https://evil.example"})
    assert forged.status_code == 403 and PENDING not in idle.session
    page = idle.get(path)
    token = page.context["csrf_token"]
    own = idle.post(path, {"for_client": client.pk, "name": "x", "csrfmiddlewaretoken": str(token)})
    assert own.status_code == 302 and idle.session[PENDING]["path"] == path


def test_without_anything_pending_the_admin_is_shown(idle: Browser) -> None:
    assert idle.get("/login/go-on/")["Location"] == "/admin/"


def test_a_form_with_a_password_is_not_kept(idle: Browser) -> None:
    form = {"username": "grace", "password1": "a secret of hers", "password2": "a secret of hers"}
    page = idle.post("/admin/auth/user/add/", form).content.decode()
    assert "grace" in page and "a secret of hers" not in page + str(dict(idle.session))
    assert not User.objects.filter(username="grace").exists()


def test_lists_and_harmless_actions_do_not_ask(idle: Browser) -> None:
    row, _ = create_api_key(client_name="alice", name="x")
    assert idle.get("/admin/clients/apikey/").status_code == 200
    idle.post("/admin/clients/apikey/", {"action": "revoke", "_selected_action": row.pk, "confirmed": "yes"})
    assert ApiKey.objects.get().revoked


def test_who_has_neither_password_nor_factor_logs_in_again(idle: Browser, admin: User) -> None:
    admin.set_unusable_password()
    admin.save()
    idle.force_login(admin)
    assert idle.get("/admin/clients/apikey/add/")["Location"].startswith("/login/?next=")
    assert "_auth_user_id" not in idle.session


def test_every_name_in_the_table_exists() -> None:
    names = set(get_resolver().namespace_dict["admin"][1].reverse_dict)
    assert names >= FORMS_OF_RIGHTS | FORMS_OF_SECRETS


def test_every_form_that_makes_a_secret_is_confirmed() -> None:
    admins = django_admin.site._registry.items()
    making = {model._meta for model, model_admin in admins if "SHOWN_ONCE" in inspect.getsource(type(model_admin))}
    forms = {f"{meta.app_label}_{meta.model_name}_add" for meta in making}
    assert len(forms) >= 3
    assert forms <= FORMS_OF_SECRETS | FORMS_OF_RIGHTS


def test_actions_that_erase_are_not_harmless() -> None:
    listed = [action for model_admin in django_admin.site._registry.values() for action in model_admin.actions or []]
    actions = {action if isinstance(action, str) else action.__name__ for action in listed}
    assert actions >= HARMLESS
    keys = {"make_path_token", "rotate_0", "rotate_24", "rotate_168", "rotate_secret", "replace"}
    sending = {"send_test", "redeliver"}
    assert actions - HARMLESS == keys | sending | {"erase_faces", "resume_searching"}  # and Django's delete_selected
