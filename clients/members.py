"""Who works for a client, in which role. Everything is recorded in the transaction that it is about."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from audit.services import record
from audit.types import Action
from clients.models import Client, Membership, Role
from walls.current import EVERYONE, showing


def users_called(text: str, *, by_manager_of: Client | None = None) -> list[User]:
    """Active users with exactly this user name or e-mail address; an address may belong to several.

    `by_manager_of`: without administrators and those who work for other clients alone, of whom its managers neither
    learn that they exist, nor decide whom else they work for. Two are enough to say that there are several.
    """
    users = User.objects.filter(Q(username=text) | Q(email__iexact=text), is_active=True)
    if by_manager_of is None:
        return list(users[:2])
    with showing(EVERYONE):
        memberships = Membership.objects.filter(user=OuterRef("pk"))
        is_own = Exists(memberships.filter(client=by_manager_of))
        return list(users.filter(is_own | ~Exists(memberships), is_superuser=False)[:2])


@transaction.atomic
def save_membership(*, membership: Membership) -> None:
    """Store a membership that has been validated, new or with another role."""
    membership.save()
    record_role(membership, holds=True)


@transaction.atomic
def end_membership(*, membership: Membership) -> None:
    """From the next request on, the user does not work for the client any more."""
    record_role(membership, holds=False)
    membership.delete()


@transaction.atomic
def add_user(*, user: User, client: Client, role: Role) -> None:
    """Store a new user, who has been validated and has a password, as a member of a client."""
    user.save()
    record(Action.ROLE_CHANGED, client_id=None, objects=[f"user:{user.pk}", "setting:username"])
    save_membership(membership=Membership(user=user, client=client, role=role))


def record_role(membership: Membership, *, holds: bool) -> None:
    """Record that the user has, or no longer has, this role."""
    names = [f"user:{membership.user_id}", f"role:{membership.role}"]
    record(Action.ROLE_CHANGED, client_id=membership.client_id, objects=names, results=int(holds))
