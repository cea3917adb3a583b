"""The admin's page of models: what is in use, under which licence, trained on what. Read-only."""

from __future__ import annotations

from itertools import groupby

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from vision.engines.overview import overview

HEADINGS = {
    "detector": "Detectors",
    "recogniser": "Recognition models",
    "landmarks": "Landmarks",
    "liveness": "Passive liveness",
    "pose": "Head pose",
    "attributes": "Age and gender",
}


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """Enabled engines, then every model by kind."""
    found = overview()
    kinds = [
        {
            "heading": HEADINGS[kind],
            "used": [state for state in states if state.enabled],
            "others": [state for state in states if not state.enabled],
        }
        for kind, group in groupby(found.models, key=lambda state: state.card.kind)
        for states in [list(group)]
    ]
    context = {**admin.site.each_context(request), "title": "Models", "overview": found, "kinds": kinds}
    return render(request, "admin/models.html", context)
