"""Query filters for lists of results."""

from __future__ import annotations

from django_filters import rest_framework as filters

from recognition.models import ProcessedImage
from recognition.querysets import ProcessedImageQuerySet


class ProcessedImageFilter(filters.FilterSet):  # type: ignore[misc]  # the library has no types
    """`has_match`, `job`, `status`, `since` and `until` narrow the list."""

    has_match = filters.BooleanFilter(method="filter_match", label="Only with (or without) a blacklist match")
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    job = filters.UUIDFilter(field_name="job_id")

    class Meta:
        model = ProcessedImage
        fields = ["status", "job"]

    def filter_match(self, images: ProcessedImageQuerySet, name: str, value: bool) -> ProcessedImageQuerySet:
        return images.with_match().filter(has_match=value)
