import pytest
from django.core.checks import run_checks
from pytest_django.fixtures import Settings


def found() -> set[str | None]:
    return {message.id for message in run_checks() if str(message.id).startswith("clients.")}


def test_the_default_settings_are_in_order() -> None:
    assert found() == set()


def test_anonymous_access_is_warned_about(settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT = "legacy"
    assert found() == {"clients.W001"}


def test_an_anonymous_client_needs_a_possible_name(settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT = "two words"
    assert found() == {"clients.E001"}


@pytest.mark.parametrize("name", ["RATE_LIMIT", "FAILED_KEY_LIMIT"])
@pytest.mark.parametrize("rate", ["60", "60/fortnight", "many/min", "-1/min"])
def test_a_rate_that_cannot_be_read_is_an_error(settings: Settings, name: str, rate: str) -> None:
    setattr(settings, name, rate)
    assert found() == {"clients.E002"}


@pytest.mark.parametrize("name", ["MAX_PEOPLE", "MAX_TEMPLATES", "MAX_STORED_MB", "MAX_IMAGES_A_DAY"])
def test_limits_of_the_deployment_are_possible_ones(settings: Settings, name: str) -> None:
    for limit, errors in ((-1, {"clients.E003"}), (10**9 + 1, {"clients.E003"}), (0, set()), (10**9, set())):
        setattr(settings, name, limit)
        assert found() == errors


@pytest.mark.parametrize(("days", "failures"), [(36_501, 1), (-1, 1), (1, -1)])
def test_limits_of_keys_are_possible_ones(settings: Settings, days: int, failures: int) -> None:
    settings.KEY_DAYS = settings.VERIFY_FAILURES = 0
    assert found() == set()
    settings.KEY_DAYS, settings.VERIFY_FAILURES = days, failures
    assert found() == {"clients.E004"}
