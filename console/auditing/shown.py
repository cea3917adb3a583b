"""Rows of the audit as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from audit.models import Record
from audit.spot_checks import Proof
from audit.types import Action
from console.auditing.words import ACTIONS, KINDS, PROOFS

MOST_OBJECTS = 6  # that are shown at once; the others are behind a click


@dataclass(frozen=True)
class Row:
    """`name` is that of a user, or whatever the audit calls the actor."""

    record: Any
    name: str
    proof: Proof

    @property
    def action(self) -> Any:
        return ACTIONS[Action(self.record.action)]

    @property
    def kind(self) -> Any:
        return KINDS[self.record.actor_kind]

    @property
    def said(self) -> Any:
        return PROOFS[self.proof][0]

    @property
    def tone(self) -> str:
        return PROOFS[self.proof][1]

    @property
    def objects(self) -> list[str]:
        found: list[str] = self.record.objects_named[:MOST_OBJECTS]
        return found

    @property
    def more(self) -> list[str]:
        found: list[str] = self.record.objects_named[MOST_OBJECTS:]
        return found


def rows_of(records: Sequence[Record], proofs: Mapping[int, Proof]) -> list[Row]:
    ids = {int(one.actor) for one in records if one.actor_kind == "user" and one.actor.isdecimal()}
    names = dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
    return [Row(one, _name(one, names), proofs[one.pk]) for one in records]


def _name(record: Record, names: Mapping[int, str]) -> str:
    if record.actor_kind == "user" and record.actor.isdecimal():
        return names.get(int(record.actor), record.actor)
    return record.actor
