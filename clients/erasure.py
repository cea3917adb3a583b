"""Erasing everything that a client has stored, whichever app stored it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.db.models import CASCADE, ForeignObjectRel

from audit import receipts
from audit.services import record
from audit.types import Action, Erased
from clients.models import ApiKey, Client, Membership
from vault import keys
from vault.models import ClientKey

NEVER = ("", datetime.min.replace(tzinfo=UTC))


@transaction.atomic
def reset_client(*, client: Client) -> Counter[str]:
    """Erase all rows that belong to the client, and their files once this is committed; returns rows by model.

    The client itself, its keys and its members stay, so that its applications find an empty service. Files that
    cannot be deleted now have no row any more, and the nightly purge erases them.
    """
    erased: Counter[str] = Counter()
    for relation in _belongings():
        rows = relation.related_model._base_manager.filter(**{relation.field.name: client})  # type: ignore[union-attr]
        erased.update(rows.delete()[1])
    record(Action.ERASE, client_id=client.pk, objects=[f"client:{client.pk}"], results=erased.total())
    taken = Counter({label: count for label, count in erased.items() if count})
    receipts.add(Erased.RESET, client_id=client.pk, objects=[name_of(client)], taken=taken)
    return taken


@transaction.atomic
def delete_client(*, client: Client) -> None:
    """Erase the client with everything that it has stored, and its keys."""
    receipts.add(Erased.CLIENT, client_id=client.pk, objects=[name_of(client)], taken={"clients": 1})
    record(Action.ERASE, client_id=client.pk, objects=[f"client:{client.pk}"])
    number = client.pk
    client.delete()
    transaction.on_commit(lambda: keys.forget(number))


def name_of(client: Client) -> str:
    """What receipts call a client. Numbers may be given twice after a backup was restored, hence the time."""
    return receipts.hashed("client", identity_of(client))


def identity_of(client: Client) -> str:
    return f"{client.pk} {client.created_at.isoformat()}"


def _belongings() -> list[ForeignObjectRel]:
    """The relations of everything that goes with a client, by a foreign key or one to one, except keys and members.

    The key by which it encrypts stays too: a call that is storing something at this moment may have used it already.
    """
    relations = [field for field in Client._meta.get_fields(include_hidden=True) if isinstance(field, ForeignObjectRel)]
    own = [one for one in relations if one.on_delete is CASCADE and not one.related_model._meta.auto_created]  # type: ignore[union-attr]
    return [one for one in own if one.related_model not in {ApiKey, ClientKey, Membership}]


# ---- after a backup was restored --------------------------------------------------------------------------------
@transaction.atomic
def again(documents: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Erase clients that receipts name, and what clients had stored before they were reset, if it is back."""
    erased: Counter[str] = Counter()
    at: dict[str, tuple[str, datetime]] = {}
    for document in documents:
        if document["kind"] in (Erased.CLIENT, Erased.RESET):
            for name in document["objects"]:
                at[name] = max(at.get(name, NEVER), (document["kind"], datetime.fromisoformat(document["erased_at"])),
                               key=itemgetter(1))  # fmt: skip
    for client in Client.objects.all():
        for name in receipts.hashes("client", identity_of(client)) & at.keys():
            kind, moment = at[name]
            erased += Counter(client.delete()[1]) if kind == Erased.CLIENT else _reset_before(client, moment)
    return Counter({label: count for label, count in erased.items() if count})


def _reset_before(client: Client, moment: datetime) -> Counter[str]:
    """Erase what is older; rows without a date too, unless the client has stored something since."""
    erased, undated, is_newer = Counter[str](), [], False
    for relation in _belongings():
        rows = relation.related_model._base_manager.filter(**{relation.field.name: client})  # type: ignore[union-attr]
        dates = {field.name for field in rows.model._meta.fields} & {"created_at", "seen_at"}
        if not dates or getattr(rows.model, "holds_others", False):
            undated.append(rows)
            continue
        [date] = dates
        erased.update(rows.filter(**{f"{date}__lt": moment}).delete()[1])
        is_newer = is_newer or rows.filter(**{f"{date}__gte": moment}).exists()
    if erased and not is_newer:
        for rows in undated:
            erased.update(rows.delete()[1])
    return erased
