"""What `check --deploy` says of the settings of this package."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django.fixtures import Settings

APP = {"provider_id": "oidc", "client_id": "faceapp", "secret": ""}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("REQUIRE_MFA", False, "login.W001"),
        ("ADMIN_NETWORKS", ["10.0.0.1/8"], "login.E001"),
        ("ADMIN_NETWORKS", ["intranet"], "login.E001"),
        ("SESSION_IDLE_SECONDS", 0, "login.E002"),
        ("SOCIALACCOUNT_PROVIDERS", {"openid_connect": {"APPS": [APP]}}, "login.E003"),
    ],
)
def test_what_is_wrong_is_reported(settings: Settings, name: str, value: Any, expected: str) -> None:
    settings.REQUIRE_MFA = True
    setattr(settings, name, value)
    assert expected in {found.id for found in run_checks(include_deployment_checks=True)}


def test_a_provider_without_tls_is_reported(settings: Settings) -> None:
    settings.HTTPS, settings.OIDC_URL = True, "http://login.example.org"
    assert "login.W002" in {found.id for found in run_checks()}


def test_good_settings_are_not_reported(settings: Settings) -> None:
    settings.REQUIRE_MFA, settings.ADMIN_NETWORKS = True, ["10.0.0.0/8", " 2001:db8::/32"]
    assert not {found.id for found in run_checks(include_deployment_checks=True) if str(found.id).startswith("login.")}
