"""Wrong passwords are counted by name and address, by address and by name, before anything is hashed."""

from __future__ import annotations

from unittest import mock

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from login.tests.conftest import log_in

pytestmark = pytest.mark.usefixtures("redis_flush")
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.LOGIN_LIMIT, settings.LOGIN_ADDRESS_LIMIT, settings.LOGIN_NAME_LIMIT = "10/day", "60/day", "100/day"


def test_forty_wrong_passwords_shut_their_address_out(admin: User, browser: Browser) -> None:
    """The right password is refused there for the time, and accepted elsewhere."""
    answers = [log_in(browser, f"guess {number}", REMOTE_ADDR=HERE) for number in range(40)]
    assert all(answer.status_code == 200 for answer in answers)
    refused = log_in(browser, REMOTE_ADDR=HERE)
    assert refused.status_code == 200 and "too many wrong passwords" in refused.content.decode()
    assert "_auth_user_id" not in browser.session
    assert log_in(browser, REMOTE_ADDR=ELSEWHERE).status_code == 302
    assert browser.session["_auth_user_id"] == str(admin.pk)


def test_nothing_is_hashed_beyond_the_limit(admin: User, browser: Browser) -> None:
    with mock.patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode) as encode:
        for number in range(30):
            log_in(browser, f"guess {number}", name="nobody", REMOTE_ADDR=HERE)
    assert encode.call_count == 10


def test_an_address_that_tries_many_names_is_shut_out(admin: User, browser: Browser) -> None:
    for number in range(61):
        log_in(browser, "guess", name=f"name {number}", REMOTE_ADDR=HERE)
    assert "too many wrong passwords" in log_in(browser, REMOTE_ADDR=HERE).content.decode()
    assert log_in(browser, REMOTE_ADDR=ELSEWHERE).status_code == 302


def test_a_name_that_many_addresses_guess_is_closed(admin: User, browser: Browser) -> None:
    for number in range(10):
        for _ in range(20):  # ten of which count for the name
            log_in(browser, "guess", name=" ADA", REMOTE_ADDR=f"203.0.113.{number}")
    assert "too many wrong passwords" in log_in(browser, REMOTE_ADDR=ELSEWHERE).content.decode()


def test_right_passwords_do_not_count(admin: User, browser: Browser) -> None:
    for _ in range(15):
        assert log_in(browser, REMOTE_ADDR=HERE).status_code == 302
        browser.logout()


def test_without_redis_nobody_logs_in(admin: User, browser: Browser) -> None:
    """Guessing without a limit would be worse."""
    browser.raise_request_exception = False
    with mock.patch("redis.Redis.execute_command", side_effect=RedisConnectionError):
        answer = log_in(browser)
    assert answer.status_code == 503 and "_auth_user_id" not in browser.session


def test_wrong_names_and_wrong_passwords_get_one_message(admin: User, browser: Browser) -> None:
    User.objects.create_user("off", password="the right password", is_active=False)
    answers = [log_in(browser, "x"), log_in(browser, "x", name="nobody"), log_in(browser, name="off")]
    messages = {"The username or the password is wrong." in answer.content.decode() for answer in answers}
    assert messages == {True}


def test_bodies_of_logins_are_small(admin: User, browser: Browser) -> None:
    assert log_in(browser, "x" * 100_000).status_code == 413
