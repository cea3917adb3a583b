from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("ada", password="the right password")


@pytest.fixture
def browser() -> Browser:
    """Which checks forms, as a real one would have it."""
    return Browser()


def log_in(browser: Browser, password: str = "the right password", name: str = "ada", **kwargs: str):
    return browser.post("/login/", {"login": name, "password": password}, **kwargs)
