"""Respaces in the admin: how far they are, who is at risk, what would be decided otherwise, and switching."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from clients.access import allows
from clients.walled_admin import ReadOnly, WalledAdmin
from errors import FaceAppError
from people import respacing
from people.models import Respace
from work.models import Status

COLOURS = {"computing": "info", "ready": "warning", "switched": "success"}
MOST_SHOWN = 200  # rows of one list on the page
NONE = SafeString('<span class="fa-muted">none</span>')


@admin.register(Respace)
class RespaceAdmin(ReadOnly, WalledAdmin):
    """Respaces are started by `manage.py respace`; here they are watched, switched and switched back."""

    list_display = ["client", "space", "status_word", "progress", "failures", "risk", "compared", "differences"]
    list_filter = ["state", "client"]
    list_select_related = ["client"]
    ordering = ["-id"]
    actions = ["switch", "switch_back"]
    fieldsets = [
        (None, {"fields": ["client", "space", "status_word", "progress", "created_at", "computed_at", "switched_at"]}),
        ("Photographs that failed", {"fields": ["failed_photographs"]}),
        ("People who are found in the old space only", {"fields": ["people_at_risk"]}),
        ("Searches decided in both spaces", {"fields": ["compared", "differences", "latest_differences"]}),
    ]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return allows(request, "people.change_respace")

    # ---- actions --------------------------------------------------------------------------------------------

    @admin.action(description="Switch: let the new space decide", permissions=["operate"])
    def switch(self, request: HttpRequest, queryset: QuerySet[Respace]) -> None:
        self._each(request, queryset, respacing.switch, "{space} decides for {client} now.")

    @admin.action(description="Switch back: let the old space decide again", permissions=["operate"])
    def switch_back(self, request: HttpRequest, queryset: QuerySet[Respace]) -> None:
        self._each(request, queryset, respacing.switch_back, "The old space decides for {client} again.")

    def _each(self, request: HttpRequest, respaces: Iterable[Respace], step: Callable[..., Any], done: str) -> None:
        """Never loses people: whoever accepts that says so to `manage.py respace --lose-people`."""
        for respace in respaces:
            try:
                step(respace=respace)
                messages.success(request, done.format(space=respace.space, client=respace.client))
            except FaceAppError as error:
                messages.warning(request, f"{respace.client}: {error.message}")

    # ---- columns --------------------------------------------------------------------------------------------

    @display(description="Status", ordering="state", label=COLOURS)
    def status_word(self, respace: Respace) -> str:
        return respace.status

    @display(description="Progress")
    def progress(self, respace: Respace) -> SafeString:
        done = respacing.progress_of(respace)
        good, bad = (100 * n / done.photographs if done.photographs else 0 for n in (done.templates, done.failed))
        return format_html(
            '<div><span class="fa-muted">{done} of {total} photographs</span>'
            '<div class="fa-bar" role="progressbar" aria-label="Photographs" aria-valuemin="0"'
            ' aria-valuemax="{total}" aria-valuenow="{done}">'
            '<i style="width:{good}%"></i><i class="fa-failed" style="left:{good}%;width:{bad}%"></i></div></div>',
            done=done.templates, total=done.photographs, good=f"{good:.1f}", bad=f"{bad:.1f}",
        )  # fmt: skip

    @display(description="Failed")
    def failures(self, respace: Respace) -> int:
        return respacing.progress_of(respace).failed

    @display(description="People at risk")
    def risk(self, respace: Respace) -> int:
        return respacing.count_at_risk(respace)

    @display(description="Decided otherwise")
    def differences(self, respace: Respace) -> str:
        return (
            f"{respace.lost_matches} lose their match, {respace.new_matches} gain one,"
            f" {respace.other_matches} match another person"
        )

    # ---- page -----------------------------------------------------------------------------------------------

    @display(description="Photographs")
    def failed_photographs(self, respace: Respace) -> SafeString:
        failed = respace.images.filter(status=Status.FAILED).select_related("reference_image__person")
        rows = [
            (image.reference_image.person.number, image.reference_image.number, image.error_code, image.error)
            for image in failed.order_by("pk")[:MOST_SHOWN]
        ]
        return _table(("Person", "Photograph", "Code", "Reason"), rows)

    @display(description="People")
    def people_at_risk(self, respace: Respace) -> SafeString:
        people = respacing.people_at_risk(respace)[:MOST_SHOWN]
        return _table(("Person", "Gallery", "Reason"), [(one.number, one.gallery, one.reason) for one in people])

    @display(description="The latest")
    def latest_differences(self, respace: Respace) -> SafeString:
        rows = [
            (
                one.created_at.strftime("%Y-%m-%d %H:%M:%S"),
                f"person {one.before.number}" if one.before else "nobody",
                _similarity(one.before_similarity),
                f"person {one.after.number}" if one.after else "nobody",
                _similarity(one.after_similarity),
            )
            for one in respace.differences.select_related("before", "after")[:MOST_SHOWN]
        ]
        return _table(("When (UTC)", "Old space", "Similarity", "New space", "Similarity"), rows)


def _similarity(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> SafeString:
    if not rows:
        return NONE
    cells = "".join("<td>{}</td>" for _ in heads)
    return format_html(
        '<div class="fa-scroll"><table class="fa-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        format_html_join("", "<th>{}</th>", ((head,) for head in heads)),
        format_html_join("", f"<tr>{cells}</tr>", rows),
    )
