"""Query filters for the list of people."""

from __future__ import annotations

from django_filters import rest_framework as filters

from people.models import Person


class PersonFilter(filters.FilterSet):  # type: ignore[misc]  # the library has no types
    """`source`, `external_id` (exactly), `name` (a part of it), `since` and `until` narrow the list."""

    source = filters.CharFilter(strip=False)
    external_id = filters.CharFilter(strip=False)
    name = filters.CharFilter(lookup_expr="icontains")
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Person
        fields: list[str] = []
