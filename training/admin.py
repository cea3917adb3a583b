"""Recognisers: how their training goes, how good they are, and which version is in use."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from audit.admin import RecordsSettings
from clients.access import allows
from clients.walled_admin import WalledAdmin
from errors import FaceAppError
from training import services
from training.charts import curves
from training.models import STATES, Recogniser, TrainingOptions
from training.querysets import RecogniserQuerySet
from work.models import Status

COLOURS = {
    STATES[Status.PENDING]: "info",
    STATES[Status.PROCESSING]: "info",
    STATES[Status.DONE]: "success",
    STATES[Status.REJECTED]: "warning",
    STATES[Status.FAILED]: "danger",
}


@admin.register(TrainingOptions)
class TrainingOptionsAdmin(RecordsSettings, WalledAdmin):
    list_display = [
        "client",
        "enabled",
        "epochs",
        "hidden_units",
        "dropout",
        "learning_rate",
        "min_people",
        "min_images",
    ]
    list_select_related = ["client"]
    autocomplete_fields = ["client"]
    ordering = ["client__name"]

    def get_readonly_fields(self, request: HttpRequest, obj: TrainingOptions | None = None) -> list[str]:
        return ["client"] if obj else []


@admin.register(Recogniser)
class RecogniserAdmin(WalledAdmin):
    list_display = [
        "title",
        "client",
        "source",
        "state",
        "in_use",
        "done",
        "right",
        "nearest",
        "strangers",
        "asked_for",
    ]
    list_display_links = ["title"]
    list_filter = ["status", "is_active", "client"]
    list_select_related = ["client", "gallery"]
    ordering = ["-id"]
    search_fields = ["gallery__name", "client__name"]
    search_help_text = "Search by source or client"
    filled_by = "A recogniser is made by each training of a gallery."
    actions = ["activate", "deactivate", "train_again"]
    fieldsets = [
        (None, {"fields": ["title", "client", "source", "space", "state", "in_use", "done", "error"]}),
        ("Evaluation on held-out images", {"fields": ["comparison", "min_probability"]}),
        ("Learning curves", {"fields": ["loss_chart", "accuracy_chart"]}),
        ("Training", {"fields": ["size", "hyper_parameters", "created_at", "started_at", "finished_at", "took"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> RecogniserQuerySet:
        versions: RecogniserQuerySet = super().get_queryset(request)
        return versions.without_weights().select_related("client", "gallery")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Training makes versions, and nothing changes them; the actions check the permission themselves."""
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return allows(request, "training.change_recogniser")

    # ---- actions --------------------------------------------------------------------------------------------

    @admin.action(description="Use this version", permissions=["operate"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Recogniser]) -> None:
        for recogniser in queryset:
            try:
                services.activate(recogniser=recogniser)
                messages.success(request, f"Version {recogniser.version} is in use now.")
            except FaceAppError as error:
                messages.warning(request, f"Version {recogniser.version}: {error.message}")

    @admin.action(description="Use the nearest template instead", permissions=["operate"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Recogniser]) -> None:
        for recogniser in queryset:
            services.deactivate(recogniser=recogniser)
        messages.success(request, "The nearest template decides alone now.")

    @admin.action(description="Train the gallery again", permissions=["operate"])
    def train_again(self, request: HttpRequest, queryset: QuerySet[Recogniser]) -> None:
        for client, source in {(recogniser.client, recogniser.source) for recogniser in queryset}:
            try:
                queued = services.request_training(client=client, source=source)
                messages.success(request, f"Version {queued.version if queued else ''} is queued.")
            except FaceAppError as error:
                messages.warning(request, error.message)

    # ---- columns --------------------------------------------------------------------------------------------

    @display(description="Version", ordering="version")
    def title(self, recogniser: Recogniser) -> str:
        return str(recogniser.version)

    @display(description="Status", ordering="status", label=COLOURS)
    def state(self, recogniser: Recogniser) -> str:
        return recogniser.state

    @display(description="In use", ordering="is_active", label={"in use": "success"})
    def in_use(self, recogniser: Recogniser) -> str | None:
        return "in use" if recogniser.is_active else None

    @display(description="Asked for", ordering="created_at")
    def asked_for(self, recogniser: Recogniser) -> str:
        asked_at = date_format(timezone.localtime(recogniser.created_at), "DATETIME_FORMAT")
        return asked_at.replace(" ", "\N{NO-BREAK SPACE}")

    @display(description="Progress")
    def done(self, recogniser: Recogniser) -> SafeString:
        return format_html(
            '<span class="fa-muted">{} of {} epochs</span>'
            '<div class="fa-bar" role="progressbar" aria-label="Epochs" aria-valuemin="0" aria-valuemax="100"'
            ' aria-valuenow="{}"><i style="width:{}%"></i></div>',
            len(recogniser.curves),
            recogniser.options.get("epochs", 0),
            *[f"{100 * recogniser.progress:.0f}"] * 2,
        )

    @display(description="Right")
    def right(self, recogniser: Recogniser) -> str:
        return percent(recogniser, "accuracy")

    @display(description="Nearest template")
    def nearest(self, recogniser: Recogniser) -> str:
        return percent(recogniser, "nearest_accuracy")

    @display(description="Strangers rejected")
    def strangers(self, recogniser: Recogniser) -> str:
        return percent(recogniser, "strangers_rejected")

    # ---- page -----------------------------------------------------------------------------------------------

    @display(description="Compared")
    def comparison(self, recogniser: Recogniser) -> SafeString:
        if not recogniser.metrics:
            return SafeString("-")
        rows = [
            (name, *(percent(recogniser, f"{prefix}{key}") for prefix in ("", "nearest_")), recogniser.metrics[of])
            for name, key, of in (
                ("Known people right", "accuracy", "held_out"),
                ("Made-up strangers rejected", "strangers_rejected", "strangers"),
            )
        ]
        return format_html(
            '<table class="fa-table"><thead><tr><th></th><th>classifier</th><th>nearest template</th>'
            "<th>images</th></tr></thead><tbody>{}</tbody></table>",
            format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
        )

    @display(description="Loss")
    def loss_chart(self, recogniser: Recogniser) -> SafeString:
        series = {"loss": "training", "held_out_loss": "held out"}
        return curves(recogniser.curves, title="Loss", series=series, top=None)

    @display(description="Accuracy")
    def accuracy_chart(self, recogniser: Recogniser) -> SafeString:
        series = {"accuracy": "training", "held_out_accuracy": "held out"}
        return curves(recogniser.curves, title="Accuracy", series=series, top=1.0)

    @display(description="Learned from")
    def size(self, recogniser: Recogniser) -> str:
        return f"{recogniser.images} images of {recogniser.known.count()} people"

    @display(description="Hyper-parameters")
    def hyper_parameters(self, recogniser: Recogniser) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in recogniser.options.items())

    @display(description="Took")
    def took(self, recogniser: Recogniser) -> str:
        return f"{recogniser.seconds:.1f} s" if recogniser.seconds is not None else "-"


def percent(recogniser: Recogniser, name: str) -> str:
    """A share among the metrics, as a person reads it."""
    share = recogniser.metrics.get(name)
    return "-" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"
