"""Query filters for the list of the audit."""

from __future__ import annotations

from django_filters import rest_framework as filters

from audit.models import Record
from audit.querysets import RecordQuerySet
from audit.types import Action


class RecordFilter(filters.FilterSet):  # type: ignore[misc]  # the library has no types
    """`action`, `actor`, `object`, `since` and `until` narrow the list."""

    action = filters.ChoiceFilter(choices=Action.choices)
    actor = filters.CharFilter(strip=False, label="Prefix of a key, number of a user, or name of a command.")
    object = filters.CharFilter(method="filter_object", label="A kind and a number, such as person:12.")
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = Record
        fields: list[str] = []

    def filter_object(self, records: RecordQuerySet, name: str, value: str) -> RecordQuerySet:
        return records.about(value)
