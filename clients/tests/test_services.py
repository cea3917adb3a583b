from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from clients import services
from clients.exceptions import InactiveClient, InvalidClient, InvalidKeyOptions
from clients.models import ApiKey, Client, Scope
from clients.tasks import warn_of_expiry

pytestmark = pytest.mark.django_db


def test_the_key_is_returned_once_and_stored_hashed() -> None:
    row, key = services.create_api_key(client_name="shop", name="till")
    stored = ApiKey.objects.get()
    secret = key.partition(".")[2]
    assert key.startswith(stored.prefix) and len(secret) == 32
    assert all(secret not in str(value) for value in ApiKey.objects.values_list()[0])
    assert stored.is_valid(key) and str(row) == f"{row.prefix}… (till)"


def test_the_client_is_made_once() -> None:
    services.create_api_key(client_name="shop")
    services.create_api_key(client_name="shop")
    assert Client.objects.get().api_keys.live().count() == 2


@pytest.mark.parametrize("name", ["", "two words", "a" * 101, "line\n", "nul\0", "../x"])
def test_a_client_needs_a_usable_name(name: str) -> None:
    with pytest.raises(InvalidClient):
        services.create_api_key(client_name=name)
    assert not Client.objects.exists()


def test_an_unknown_scope_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidKeyOptions, match=r"fly\. Known scopes: detect, screen, blacklist") as caught:
        services.create_api_key(client_name="shop", scopes=["detect", "fly"])
    assert caught.value.code == "key.unknown_scope"
    assert not Client.objects.exists()


@pytest.mark.parametrize("days", [0, -1, 36_501, 10**12])
def test_an_expiry_that_no_key_can_have_is_refused(days: int) -> None:
    with pytest.raises(InvalidKeyOptions) as caught:
        services.create_api_key(client_name="shop", expires_in_days=days)
    assert caught.value.code == "key.bad_expiry"
    assert not Client.objects.exists()


def test_a_key_expires_after_its_days() -> None:
    row, _ = services.create_api_key(client_name="shop", expires_in_days=30)
    assert row.expiry_date - timezone.now() > timedelta(days=29, hours=23)
    assert row.expiry_date - timezone.now() <= timedelta(days=30)


def test_a_key_expires_after_a_year_unless_said_otherwise(settings: Settings) -> None:
    def days_of(**options: Any) -> int | None:
        expiry = services.create_api_key(client_name="shop", **options)[0].expiry_date
        return None if expiry is None else (expiry - timezone.now() + timedelta(seconds=60)).days

    assert (days_of(), days_of(expires_in_days="never"), days_of(expires_in_days=7)) == (365, None, 7)
    assert (days_of(scopes=["nextcloud"]), days_of(scopes=["nextcloud", "detect"])) == (None, 365)
    settings.KEY_DAYS = 0
    assert days_of() is None


def test_presets_and_scopes_add_up() -> None:
    row, _ = services.create_api_key(client_name="shop", scopes=["people:search", "read", "rotate"])
    assert row.scopes == ["blacklist:read", "people:read", "people:search", "rotate"]
    everything = set(services.create_api_key(client_name="shop", scopes=["all"])[0].scopes)
    assert set(Scope.values) - everything == {
        "audit:read", "embeddings", "nextcloud", "references", "reset", "rotate",
    }  # fmt: skip


def test_a_key_without_scopes_is_not_made() -> None:
    with pytest.raises(InvalidKeyOptions) as caught:
        services.create_api_key(client_name="shop", scopes=[])
    assert caught.value.code == "key.no_scopes" and not ApiKey.objects.exists()


@pytest.mark.parametrize("scope", Scope.values)
def test_no_scopes_allow_nothing(scope: str) -> None:
    assert not ApiKey(scopes=[]).allows(scope)
    assert [other for other in Scope.values if ApiKey(scopes=[other]).allows(scope)] == (
        [scope] if scope != "people:match" else ["people:search", "people:match"]
    )


def test_the_log_counts_keys_that_expire_and_names_none(caplog: pytest.LogCaptureFixture) -> None:
    for days in (1, 29, 31):
        services.create_api_key(client_name="shop", name="till", expires_in_days=days)
    services.revoke_api_key(key=services.create_api_key(client_name="shop", expires_in_days=2)[0])
    services.create_api_key(client_name="shop", expires_in_days="never")
    warn_of_expiry()
    [line] = [record.getMessage() for record in caplog.records if record.name == "clients.services"]
    assert line == "API keys that expire within 30 days: 2. The admin lists them."
    caplog.clear()
    ApiKey.objects.all().delete()
    warn_of_expiry()
    assert not caplog.records


def test_an_inactive_client_gets_no_key(client_a: Client) -> None:
    Client.objects.update(is_active=False)
    with pytest.raises(InactiveClient):
        services.create_api_key(client_name=client_a.name)


def test_revoking_twice_changes_nothing() -> None:
    row, _ = services.create_api_key(client_name="shop")
    services.revoke_api_key(key=row)
    services.revoke_api_key(key=ApiKey.objects.get())
    assert ApiKey.objects.get().revoked and not ApiKey.objects.live().exists()


def test_last_use_is_written_at_most_once_a_minute() -> None:
    row, _ = services.create_api_key(client_name="shop")
    first = timezone.now()
    services.record_use(key=row)
    stale_copy, row = row, ApiKey.objects.get()
    assert row.last_used_at >= first
    services.record_use(key=stale_copy)  # another process, which read the row before
    assert ApiKey.objects.get().last_used_at == row.last_used_at
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    services.record_use(key=ApiKey.objects.get())
    assert ApiKey.objects.get().last_used_at >= first


def test_live_keys_are_neither_revoked_nor_expired(client_a: Client) -> None:
    rows = [services.create_api_key(client_name=client_a.name)[0] for _ in range(4)]
    services.revoke_api_key(key=rows[0])
    ApiKey.objects.filter(pk=rows[1].pk).update(expiry_date=timezone.now() - timedelta(seconds=1))
    ApiKey.objects.filter(pk=rows[2].pk).update(expiry_date=timezone.now() + timedelta(hours=1))
    assert set(client_a.api_keys.live()) == set(rows[2:])
    assert Client.objects.with_live_keys().get().live_keys == 2
