"""System checks of the gallery's settings, and of how galleries are searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import connections
from django.db.models import Count

from errors import FaceAppError
from people.models import Gallery, SearchIndex
from people.types import Gate
from remote.exceptions import AccessRefused
from remote.registry import MODULES, NAMES, OURS, abilities_of, backend_called, is_allowed
from vision.engines import engines


@checks.register
def check_quality_gate(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The gate has one of its names."""
    if settings.QUALITY_GATE in list(Gate):
        return []
    hint = f"Choose one of {', '.join(Gate)}."
    return [checks.Error("FACEAPP_QUALITY_GATE is no quality gate.", hint=hint, id="people.E001")]


@checks.register
def check_index_from(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """A gallery cannot have fewer than no templates."""
    if settings.INDEX_FROM >= 0:
        return []
    message = f"FACEAPP_INDEX_FROM is {settings.INDEX_FROM}, and must not be negative."
    return [checks.Error(message, hint="0 searches every gallery exactly.", id="people.E002")]


@checks.register(checks.Tags.database)
def check_search_indexes(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Large galleries that are searched exactly although they should have an index."""
    hint = (
        "Searches are exact, and slower. See *Large galleries* in docs/operations.md; FACEAPP_INDEX_FROM=0 accepts it."
    )
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        if SearchIndex._meta.db_table in connections[alias].introspection.table_names():  # not before it is migrated
            for index in SearchIndex.objects.using(alias).exclude(problem="").select_related("gallery"):
                message = f"Gallery {index.gallery_id} of client {index.gallery.client_id}: {index.problem}"
                found.append(checks.Warning(message, hint=hint, id="people.W001"))
    return found


@checks.register
def check_respace_at_once(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """A number of photographs, or 0."""
    if settings.RESPACE_AT_ONCE >= 0:
        return []
    message = f"FACEAPP_RESPACE_AT_ONCE is {settings.RESPACE_AT_ONCE}, which is no number of photographs."
    return [checks.Error(message, hint="Choose 0 or a number above it.", id="people.E003")]


@checks.register(checks.Tags.database)
def check_spaces_of_galleries(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Galleries whose model has been taken out of the settings."""
    hint = "Add its model to FACEAPP_EXTRA_MODELS, or see *Another model* in docs/operations.md."
    try:
        enabled = ["", *(space.name for space in engines.spaces().values())]
    except Exception:  # an engine cannot be built, which vision.E002 reports
        return []
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        if Gallery._meta.db_table in connections[alias].introspection.table_names():  # not before it is migrated
            others = Gallery.objects.using(alias).exclude(space__in=enabled).order_by("space")
            for space, count in others.values_list("space").annotate(Count("pk")):
                message = f"Galleries in the space {space}: {count}. It is not enabled, and searches are refused."
                found.append(checks.Warning(message, hint=hint, id="people.W002"))
    return found


@checks.register
def check_back_ends(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The settings name back ends that exist, and say where those are that they name."""
    named = [settings.FACE_PROCESSING_BACKEND, *settings.REMOTE_BACKENDS]
    if unknown := sorted(set(named) - set(NAMES)):
        message = f"FACE_PROCESSING_BACKEND or FACEAPP_REMOTE_BACKENDS names {', '.join(unknown)}."
        return [checks.Error(message, hint=f"There are {', '.join(NAMES)}.", id="people.E004")]
    found: list[checks.CheckMessage] = []
    if not 0 < settings.AWS_SCORE <= abilities_of("aws_rekognition").largest_score:
        message = "FACEAPP_AWS_SCORE is no similarity above 0 and up to 100."
        found.append(checks.Error(message, hint="Unset it: 80.", id="people.E005"))
    for name in sorted(set(named) - {OURS}):
        try:
            backend_called(name)
        except AccessRefused as error:  # a role may be given later
            found.append(checks.Warning(f"{name}: {error.message}", hint="See docs/remote.md.", id="people.W005"))
        except FaceAppError as error:
            found.append(checks.Error(f"{name}: {error.message}", hint="See docs/remote.md.", id="people.E006"))
    return found


@checks.register(checks.Tags.database)
def check_back_ends_of_galleries(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Galleries that nothing may be sent for, and those that a changed default has not moved."""
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        if Gallery._meta.db_table not in connections[alias].introspection.table_names():  # not before it is migrated
            continue
        rows = Gallery.objects.using(alias).exclude(backend=settings.FACE_PROCESSING_BACKEND)
        others = rows.filter(client__backend="").order_by("backend").values_list("backend").annotate(Count("pk"))
        for backend, count in others:
            message = f"Galleries at {backend}, and not at FACE_PROCESSING_BACKEND: {count}."
            hint = "New galleries use the setting. Move the others: manage.py respace --to-backend; docs/remote.md."
            found.append(checks.Warning(message, hint=hint, id="people.W003"))
        refused = [name for name in MODULES if not is_allowed(name)]
        if count := Gallery.objects.using(alias).filter(backend__in=refused).count():
            message = f"Galleries at a back end that is switched off: {count}. They are not searched."
            hint = "Name it in FACEAPP_REMOTE_BACKENDS, or move them with manage.py respace --to-backend."
            found.append(checks.Warning(message, hint=hint, id="people.W004"))
    return found
