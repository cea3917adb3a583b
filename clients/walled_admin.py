"""Pages of the admin that show the rows of the chosen client and offer what the role allows; see `clients.access`.

Every `ModelAdmin` of rows that belong to clients is a `WalledAdmin`. A row of another client does not exist (404); what
the role does not allow is refused (403).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import DateTimeField, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline

from clients.access import allows, choice_of, is_administrator, path_to_client, visible
from clients.models import Client
from walls.current import EVERYONE, show


class Walled:
    """What pages and inlines have in common."""

    model: Any
    opts: Any
    admin_site: Any
    path_to_client = ""  # a lookup such as `album__client`, for models without a client of their own

    def get_queryset(self, request: HttpRequest) -> Any:
        return visible(request, super().get_queryset(request), self.path_to_client)  # type: ignore[misc]

    def _allows(self, request: HttpRequest, action: str) -> bool:
        return allows(request, f"{self.opts.app_label}.{get_permission_codename(action, self.opts)}")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allows(request, "view") or self._allows(request, "change")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allows(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allows(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allows(request, "delete")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only what belongs to the chosen client can be chosen."""
        kwargs["queryset"] = rows_of(db_field.remote_field.model, request, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class OwnRowsFilter(admin.RelatedFieldListFilter):
    """Offers what belongs to the chosen client; nothing, if that is the client itself."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        own = rows_of(field.remote_field.model, request, model_admin.admin_site)
        ordering = self.field_admin_ordering(field, request, model_admin)
        return list(field.get_choices(include_blank=False, ordering=ordering, limit_choices_to={"pk__in": own}))


class DayRangeFilter(admin.FieldListFilter):
    """Rows from one day to another, both of them included. Days are those of the server's time zone."""

    template = "admin/day_range.html"

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        self.names = f"{field_path}_from", f"{field_path}_to"
        super().__init__(field, request, params, model, model_admin, field_path)
        self.days = [parse_day(str(request.GET.get(name, ""))) for name in self.names]
        self.used_parameters = {name: day.isoformat() for name, day in zip(self.names, self.days, strict=True) if day}

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, last = (day.isoformat() if day else "" for day in self.days)
        yield {"name": self.field_path, "first": first, "last": last}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        first, last = self.days
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": midnight(first)})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": midnight(last + timedelta(days=1))})
        return queryset


def parse_day(text: str) -> date | None:
    """A day as browsers send it; None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class WalledInline(Walled, TabularInline):
    """Rows on the page of another."""


class WalledAdmin(Walled, ModelAdmin):
    """Lists and pages. `filled_by` says what a list without rows waits for."""

    list_per_page = 25
    list_filter_submit = True
    filled_by = ""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return any(self._allows(request, action) for action in ("view", "add", "change", "delete"))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Raises `Http404`, where Django sends to the first page with a message that names the number."""
        if (found := super().get_object(request, object_id, from_field)) is None:
            raise Http404
        return found

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        fields = {field.name: field for field in self.opts.get_fields()}
        filters = []
        for name in super().get_list_filter(request):
            field = fields.get(name) if isinstance(name, str) else None
            own = OwnRowsFilter if field and field.is_relation else None
            kind = DayRangeFilter if isinstance(field, DateTimeField) else own
            filters.append((name, kind) if kind else name)
        return filters

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The only client that can be chosen, chosen beforehand."""
        clients = list(visible(request, Client.objects.active())[:2])
        only = {"client": clients[0].pk} if len(clients) == 1 else {}
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return only | initial

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """What a form makes belongs to the chosen client, whatever the form let through."""
        obj = super().save_form(request, form, change)
        choice = choice_of(request)
        if choice is None or (choice.client and self.model is not Client and self._client_of(obj) != choice.client):
            raise PermissionDenied
        return obj

    def ask(
        self, request: HttpRequest, rows: Any, *, action: str, text: str, button: str, label: Callable[[Any], str] = str
    ) -> TemplateResponse | None:
        """The page that asks whether an action on `rows` is meant, as deleting asks; None if that was answered."""
        if request.POST.get("confirmed"):
            return None
        context = self.admin_site.each_context(request) | {
            "title": button, "opts": self.opts, "field": ACTION_CHECKBOX_NAME, "action": action, "text": text,
            "button": button, "rows": [(row, label(row)) for row in rows],
        }  # fmt: skip
        return TemplateResponse(request, "admin/ask.html", context)

    def _client_of(self, obj: Any) -> Any:
        for name in (self.path_to_client or path_to_client(self.model)).split("__"):
            obj = getattr(obj, name)
        return obj

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """ "All rows" means those of the client whose list was shown, which another tab may have changed since."""
        shown = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if request.POST.get("select_across") == "1" and not queryset.filter(pk__in=shown).exists():
            raise Http404
        response: HttpResponse | None = super().response_action(request, queryset)
        return response


class ReadOnly:
    """In front of the `ModelAdmin` of rows that are shown and not edited."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


class AdministratorsOnly:
    """In front of the `ModelAdmin` of a table of the deployment: nobody else sees or changes it."""

    def _allows(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request)

    has_view_permission = has_add_permission = has_change_permission = has_delete_permission = _allows
    has_module_permission = _allows


class BeyondTheWalls:
    """In front of the `ModelAdmin` of clients or users: an administrator changes them whichever client is chosen.

    Lists show the rows of the chosen client all the same. But names are compared with those of every client, a new
    client can be stored, and who is deleted leaves all clients.
    """

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self._open(request)
        return super().changelist_view(request, *args, **kwargs)  # type: ignore[misc]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self._open(request)
        return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self._open(request)
        return super().delete_view(request, *args, **kwargs)  # type: ignore[misc]

    def _open(self, request: HttpRequest) -> None:
        if is_administrator(request):
            show(EVERYONE)


def rows_of(model: type[Model], request: HttpRequest, site: admin.AdminSite) -> QuerySet[Any]:
    """The rows of any model that this user may refer to. Tables of the deployment are for administrators."""
    registered = site._registry.get(model)
    rows = model._default_manager.all()
    if isinstance(registered, WalledAdmin):
        return visible(request, rows, registered.path_to_client)
    return rows if is_administrator(request) else rows.none()
