from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from pytest_django.fixtures import Settings
from redis.exceptions import OutOfMemoryError
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from clients import services
from clients.models import ApiKey, Client, Membership, Role
from clients.throttling import ClientRateThrottle
from rest.errors import RETRY_AFTER, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls("clients.tests.urls"), pytest.mark.usefixtures("redis_flush")]
NOTES = "/api/notes/"


def statuses(count: int, key: str) -> list[int]:
    return [APIClient().get(NOTES, headers={"X-API-Key": key}).status_code for _ in range(count)]


def test_a_key_is_held_to_the_deployments_rate(key_a: str, settings: Settings) -> None:
    settings.RATE_LIMIT = "2/day"
    assert statuses(3, key_a) == [200, 200, 429]
    response = APIClient().get(NOTES, headers={"X-API-Key": key_a})
    assert response.json()["code"] == "rate_limited"
    assert 0 < int(response["Retry-After"]) <= 86_400


def test_a_key_has_its_own_rate_and_allowance(client_a: Client, settings: Settings) -> None:
    settings.RATE_LIMIT = "1/day"
    (generous, first), (_, second) = [services.create_api_key(client_name=client_a.name) for _ in range(2)]
    ApiKey.objects.filter(pk=generous.pk).update(rate_limit="3/day")
    assert statuses(4, first) == [200, 200, 200, 429]
    assert statuses(2, second) == [200, 429]


def test_without_a_rate_nobody_is_held_up(key_a: str, settings: Settings) -> None:
    settings.RATE_LIMIT = ""
    assert statuses(5, key_a) == [200] * 5


def test_a_rate_of_nothing_stops_a_key(key_a: str) -> None:
    ApiKey.objects.update(rate_limit="0/day")
    assert statuses(1, key_a) == [429]


def test_members_share_their_clients_allowance(member: User, client_a: Client, settings: Settings) -> None:
    settings.RATE_LIMIT = "1/day"
    other = User.objects.create_user("abe")
    Membership.objects.create(user=other, client=client_a, role=Role.MANAGER)
    answers = []
    for user in (member, other):
        api = APIClient()
        api.force_login(user)
        answers.append(api.get(NOTES).status_code)
    assert answers == [200, 429]


def test_parallel_requests_do_not_slip_through() -> None:
    def ask(_: int) -> bool:
        request = Request(APIRequestFactory().get(NOTES))
        request.auth = ApiKey(prefix="parallel", rate_limit="20/day")
        return ClientRateThrottle().allow_request(request, None)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(100))) == 20


def test_counters_end_by_themselves(key_a: str, settings: Settings) -> None:
    settings.RATE_LIMIT = "5/min"
    statuses(2, key_a)
    redis = ClientRateThrottle.cache._cache.get_client()
    keys = redis.keys("*throttle_client*")
    assert len(keys) == 1 and 0 < redis.ttl(keys[0]) <= 120


def test_many_wrong_keys_from_one_address_are_told_to_wait(key_a: str, settings: Settings) -> None:
    settings.FAILED_KEY_LIMIT = "2/day"
    assert statuses(3, "nope.nope") == [401, 401, 429]
    assert statuses(1, key_a) == [200]
    elsewhere = APIClient(REMOTE_ADDR="192.0.2.7").get(NOTES, headers={"X-API-Key": "nope.nope"})
    assert elsewhere.status_code == 401


def test_a_forwarded_address_is_not_believed_without_a_proxy(settings: Settings) -> None:
    settings.FAILED_KEY_LIMIT = "1/day"
    sent = [{"X-API-Key": "nope.nope", "X-Forwarded-For": f"192.0.2.{number}"} for number in range(2)]
    assert [APIClient().get(NOTES, headers=headers).status_code for headers in sent] == [401, 429]


@pytest.fixture
def redis_full(redis_flush: None) -> Iterator[None]:
    """A Redis that keeps nothing new."""
    server = cache._cache.get_client()  # type: ignore[attr-defined]
    before = {name: server.config_get(name)[name] for name in ("maxmemory", "maxmemory-policy")}
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", 1)
    yield
    for name, value in before.items():
        server.config_set(name, value)


def test_a_full_redis_stops_only_what_needs_the_queue(client_a: Client, redis_full: None) -> None:
    _, key = services.create_api_key(client_name=client_a.name)
    with pytest.raises(OutOfMemoryError):
        cache.set("a", 1)
    assert statuses(2, key) == [200, 200]
    problem = problem_of(OutOfMemoryError())
    assert problem and (problem.status, problem.code, problem.headers) == (503, "queue.unavailable", RETRY_AFTER)
