"""Who needs a second factor (FACEAPP_REQUIRE_MFA), and where they are led as long as they have none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from clients.authentication import ApiKeyAuthentication
from clients.middleware import path_token_of
from clients.models import Role
from login.sessions import is_of_browser
from rest.errors import Problem
from walls.current import EVERYONE, showing

FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
LEADING_OUT = re.compile(r"/(?:login/|admin/logout/\Z)")  # to a second factor, or away
LACKING = Problem(403, "Set up a second factor first: at /login/factors/.", "auth.second_factor_required")


def needs_second_factor(user: Any) -> bool:
    """Whether what the user may do calls for one: administrators, and managers of a client."""
    with showing(EVERYONE):  # before a client is known, and whichever is chosen
        return bool(user.is_superuser or user.memberships.filter(role=Role.MANAGER).exists())


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the user must set one up. After a login by OpenID Connect, the provider has asked for its own."""
    user = request.user
    if not settings.REQUIRE_MFA or not user.is_authenticated or not needs_second_factor(user):
        return False
    if any(record.get("method") == "socialaccount" for record in get_authentication_records(request, request.user)):
        return False
    return not Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


class SecondFactorMiddleware:
    """Everything but the pages on which a factor is set up is out of reach of who lacks one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_open = not is_of_browser(request) or has_key(request) or LEADING_OUT.match(request.path_info)
        if is_open or not lacks_second_factor(request):
            return self.get_response(request)
        if request.path_info.startswith("/api/") and "text/html" not in request.headers.get("Accept", ""):
            return JsonResponse(LACKING.body, status=LACKING.status)
        return HttpResponseRedirect(f"{reverse('mfa_index')}?required=1")


def has_key(request: HttpRequest) -> bool:
    """Whether a program calls the API with a key, which is then all that counts: a wrong one is refused."""
    if path_token_of(request) is not None:
        return True
    return request.path_info.startswith("/api/v1/") and ApiKeyAuthentication.read_key(request) is not None  # type: ignore[arg-type]
