"""Query filters for the list of people."""

from __future__ import annotations

from django_filters import rest_framework as filters

from people.models import Person
from people.querysets import PersonQuerySet


class PersonFilter(filters.FilterSet):  # type: ignore[misc]  # the library has no types
    """`source`, `external_id` (exactly), `name` (a part of it), `since` and `until` narrow the list."""

    source = filters.CharFilter(strip=False, method="keep", label="The name of a gallery; empty: the default one.")
    external_id = filters.CharFilter(strip=False)
    name = filters.CharFilter(lookup_expr="icontains")
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Person
        fields: list[str] = []

    def keep(self, queryset: PersonQuerySet, name: str, value: str) -> PersonQuerySet:
        return queryset

    def filter_queryset(self, queryset: PersonQuerySet) -> PersonQuerySet:
        """The library takes an empty `source` for an absent one; here it means the default gallery."""
        people: PersonQuerySet = super().filter_queryset(queryset)
        return people.in_sources([self.data["source"]]) if "source" in self.data else people
