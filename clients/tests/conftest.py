from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from clients import services
from clients.models import ApiKey, Client, Membership, Role


@pytest.fixture
def key_a(client_a: Client) -> str:
    """A key of alice with every scope."""
    return services.create_api_key(client_name=client_a.name)[1]


@pytest.fixture
def make_key(client_a: Client) -> Callable[..., str]:
    """A key of alice with the given scopes, or without any."""

    def make(*scopes: str) -> str:
        row, key = services.create_api_key(client_name=client_a.name)
        ApiKey.objects.filter(pk=row.pk).update(scopes=list(scopes))
        return key

    return make


@pytest.fixture
def member(client_a: Client) -> User:
    """A user who acts as alice, as a manager."""
    user = User.objects.create_user("ann", password="ann's password")
    Membership.objects.create(user=user, client=client_a, role=Role.MANAGER)
    return user
