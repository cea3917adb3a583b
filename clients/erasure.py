"""Erasing everything that a client has stored, whichever app stored it."""

from __future__ import annotations

from collections import Counter

from django.db import transaction
from django.db.models import CASCADE, ForeignObjectRel

from audit.services import record
from audit.types import Action
from clients.models import ApiKey, Client, Membership


@transaction.atomic
def reset_client(*, client: Client) -> Counter[str]:
    """Erase all rows that belong to the client, and their files once this is committed; returns rows by model.

    The client itself, its API keys and its members stay, so that its applications find an empty service. Files that
    cannot be deleted now have no row any more, and the nightly purge erases them.
    """
    erased: Counter[str] = Counter()
    for relation in _belongings():
        rows = relation.related_model._base_manager.filter(**{relation.field.name: client})  # type: ignore[union-attr]
        erased.update(rows.delete()[1])
    record(Action.ERASE, client_id=client.pk, objects=[f"client:{client.pk}"], results=erased.total())
    return Counter({label: count for label, count in erased.items() if count})


def _belongings() -> list[ForeignObjectRel]:
    """The relations of everything that goes with a client, by a foreign key or one to one, except keys and members."""
    relations = [field for field in Client._meta.get_fields(include_hidden=True) if isinstance(field, ForeignObjectRel)]
    own = [one for one in relations if one.on_delete is CASCADE and not one.related_model._meta.auto_created]  # type: ignore[union-attr]
    return [one for one in own if one.related_model not in {ApiKey, Membership}]
