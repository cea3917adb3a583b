"""What the API asks of people who are logged in before something is erased or taken out, as the admin does."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from clients.permissions import action_of, erases
from login.confirmation import is_confirmed, place_to_confirm


class IsConfirmed(BasePermission):
    """A user who is logged in has confirmed it within the last minutes, if this erases or is one of `to_confirm`.

    `to_confirm` of a view are actions, or methods. The browsable API asks on behalf of the forms that it may show; they
    are shown, and what they send is refused. Raises `PermissionDenied` (`auth.confirmation_required`).
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        asked = erases(request, view) or action_of(request, view) in getattr(view, "to_confirm", ())
        sent = request._request
        has_session = isinstance(request.successful_authenticator, SessionAuthentication)
        if not asked or not has_session or request.method != sent.method or is_confirmed(sent):
            return True
        target = sent.get_full_path() if request.method in SAFE_METHODS else sent.path
        place = place_to_confirm(sent, target)
        where = sent.build_absolute_uri(place or reverse("account_logout"))
        what = "Confirm who you are" if place else "Log out and in again"
        raise PermissionDenied(f"{what}, then repeat the request: {where}", code="auth.confirmation_required")
