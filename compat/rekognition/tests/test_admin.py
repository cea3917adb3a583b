"""Secrets in the admin: made for a key, shown once, replaced and withdrawn."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from clients.models import ApiKey, Client
from clients.services import create_api_key, revoke_api_key
from clients.tests.members import browser_of
from compat.rekognition.models import SigningSecret
from compat.rekognition.tests.wire import in_process

pytestmark = pytest.mark.django_db
LIST = "/admin/rekognition/signingsecret/"
SHOWN = re.compile(r'fa-secret">([\w-]{43})<')


@pytest.fixture
def browser(admin_user: User) -> Browser:
    return browser_of(admin_user)


@pytest.fixture
def key(client_a: Client) -> ApiKey:
    return create_api_key(client_name=client_a.name)[0]


def test_a_secret_is_made_shown_once_replaced_and_withdrawn(browser: Browser, key: ApiKey) -> None:
    made = browser.post(f"{LIST}add/", {"api_key": key.pk}, follow=True).content.decode()
    [first] = SHOWN.findall(made)
    assert key.prefix in made and in_process(key.prefix, first).list_collections()
    assert first not in browser.get(LIST).content.decode()
    assert first not in browser.get(f"{LIST}{key.pk}/change/").content.decode()
    replaced = browser.post(LIST, {"action": "replace", "_selected_action": [key.pk]}, follow=True).content.decode()
    [second] = SHOWN.findall(replaced)
    assert second != first
    for secret in (first, second):
        assert in_process(key.prefix, secret).list_collections()
    browser.post(f"{LIST}{key.pk}/delete/", {"post": "yes"})
    assert not SigningSecret.objects.exists() and ApiKey.objects.filter(pk=key.pk, revoked=False).exists()


def test_a_revoked_key_gets_none(browser: Browser, key: ApiKey) -> None:
    revoke_api_key(key=key)
    page = browser.post(f"{LIST}add/", {"api_key": key.pk})
    assert page.status_code == 200 and not SigningSecret.objects.exists()
