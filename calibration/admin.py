"""Calibrations in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from audit.admin import RecordsSettings
from calibration.models import SpaceCalibration
from clients.walled_admin import WalledAdmin
from vision.engines import engines


class CalibrationForm(forms.ModelForm):  # type: ignore[type-arg]
    """Offers the enabled spaces; the metric follows from the space."""

    space = forms.ChoiceField()

    class Meta:
        model = SpaceCalibration
        fields = ["client", "space", "threshold", "false_match_rate", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "space" in self.fields:
            choices = [(space.name, f"{space.model} ({space.name})") for space in engines.spaces().values()]
            self.fields["space"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        metrics = {space.name: space.metric for space in engines.spaces().values()}
        self.instance.metric = metrics.get(data.get("space", ""), "")
        return data


@admin.register(SpaceCalibration)
class SpaceCalibrationAdmin(RecordsSettings, WalledAdmin):
    form = CalibrationForm
    list_display = ["client", "space", "metric", "threshold", "false_match_rate", "note", "created_at"]
    list_filter = ["client"]
    list_select_related = ["client"]
    search_fields = ["space", "note"]
