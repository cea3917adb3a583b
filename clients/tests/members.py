"""Users who work for clients, for tests."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client as Browser

from clients.models import Client, Membership, Role


def make_member(client: Client, role: Role, name: str = "") -> User:
    """A user who may enter the admin, with this role."""
    user, _ = User.objects.get_or_create(username=name or f"{role} of {client}", defaults={"is_staff": True})
    Membership.objects.create(user=user, client=client, role=role)
    return user


def browser_of(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser
