"""Query filters for lists of results."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from django_filters.widgets import BooleanWidget

from recognition.models import STATES, ProcessedImage
from recognition.querysets import ProcessedImageQuerySet


class BooleanText(BooleanWidget):  # type: ignore[misc]  # the library has no types
    """Passes on what is neither true nor false, where the library would pass None."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = super().value_from_datadict(data, files, name)
        return data.get(name) if value is None else value


class StrictBooleanField(forms.NullBooleanField):
    def clean(self, value: Any) -> bool | None:
        if value in (None, ""):
            return None
        if not isinstance(value, bool):
            raise ValidationError("Allowed: true or false.", code="invalid")
        return value


class StrictBooleanFilter(filters.BooleanFilter):  # type: ignore[misc]  # the library has no types
    """Refuses what is neither true nor false; the library would list everything, as without the filter."""

    field_class = StrictBooleanField


class ProcessedImageFilter(filters.FilterSet):  # type: ignore[misc]  # the library has no types
    """`has_match`, `job`, `status`, `since` and `until` narrow the list."""

    has_match = StrictBooleanFilter(
        method="filter_match", widget=BooleanText, label="Only with (or without) a blacklist match"
    )
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    status = filters.ChoiceFilter(choices=STATES)
    job = filters.UUIDFilter(field_name="job_id")

    class Meta:
        model = ProcessedImage
        fields = ["status", "job"]

    def filter_match(self, images: ProcessedImageQuerySet, name: str, value: bool) -> ProcessedImageQuerySet:
        return images.with_match().filter(has_match=value)
