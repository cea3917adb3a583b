"""The admin: no page before the user has chosen a client, and every page says which one it is."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite

from clients.access import choice_of
from clients.views import ask

WITHOUT_CLIENT = {"logout", "password_change", "password_change_done", "jsi18n"}


class ClientAdminSite(UnfoldAdminSite):
    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        @wraps(view)
        def after_choosing(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            match = request.resolver_match
            if choice_of(request) is None and (match is None or match.url_name not in WITHOUT_CLIENT):
                return ask(request, status=403)
            return view(request, *args, **kwargs)

        return super().admin_view(after_choosing, cacheable)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        return context | {"choice": choice_of(request)}
