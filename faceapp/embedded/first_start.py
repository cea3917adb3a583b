"""The administrator, the client and the API key that a new installation begins with."""

import secrets
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from clients.models import Membership, Role
from clients.scopes import ALL
from clients.services import create_api_key


@dataclass(frozen=True)
class Account:
    """What the first start shows. It can be shown only once, because password and key are stored hashed."""

    username: str
    password: str
    client: str
    api_key: str


@transaction.atomic
def create_account(username: str = "admin", client: str = "default") -> Account | None:
    """Make a superuser who is a manager of `client`, with a key for it. None if there is a superuser already."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    user = User.objects.create_superuser(username, password=password)
    row, key = create_api_key(client_name=client, name="first key", scopes=[ALL])
    Membership.objects.create(user=user, client=row.client, role=Role.MANAGER)
    return Account(username, password, client, key)
