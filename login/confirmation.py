"""What asks for the password or a second factor again, unless the last time was a few minutes ago."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import get_callable, reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from rest_framework.authentication import CSRFCheck

from clients.permissions import method_of
from login.interrupted import interrupted, is_secret

# By the names of the admin's URLs. Everything is erased by `_delete`. Forms with passwords or keys, and reports of all
# that is held about somebody, ask before they are shown; the others, which many only look at, when they are sent:
# who may log in, call or be told of events, with which rights.
FORMS_OF_SECRETS = {
    "auth_user_add", "auth_user_password_change", "clients_apikey_add", "compreface_service_add",
    "compreface_service_change", "faceanalysis_account_add", "faceanalysis_account_change", "nextcloud_keymodel_add",
    "nextcloud_keymodel_change", "people_person_report", "rekognition_signingsecret_add",
}  # fmt: skip
FORMS_OF_RIGHTS = {
    "auth_user_change", "auth_group_add", "auth_group_change", "clients_client_add", "clients_client_change",
    "clients_apikey_change", "notifications_subscription_add", "notifications_subscription_change",
}  # fmt: skip
# Actions of lists that erase nothing and open nothing; every other one is confirmed.
HARMLESS = {
    "activate", "deactivate", "train_again", "cancel", "switch", "switch_back", "revoke", "withdraw_path_token",
    "stop_searching",
}  # fmt: skip

PENDING = "pending_form"  # in the session: path and fields of what is sent again after a confirmation


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the user proved within the last `CONFIRM_SECONDS` who it is; logging in is such a proof."""
    last = max((record["at"] for record in get_authentication_records(request, request.user)), default=0.0)
    return not settings.CONFIRM_SECONDS or time.time() - last < settings.CONFIRM_SECONDS


def calls_for_confirmation(request: HttpRequest) -> bool:
    """Whether this page of the admin or of the console is one of those."""
    match = request.resolver_match
    name = (match and match.url_name) or ""
    if match is not None and match.app_name == "console":  # whose pages name the methods, as the API does
        return method_of(request) in getattr(getattr(match.func, "cls", None), "to_confirm", ())
    if match is None or match.app_name != "admin":
        return False
    if name.endswith("_delete") or name in FORMS_OF_SECRETS:
        return True
    if request.method != "POST":
        return False
    does = request.POST.get("action", "") if name.endswith("_changelist") else ""
    return name in FORMS_OF_RIGHTS or does not in HARMLESS | {""}


class ConfirmationMiddleware(MiddlewareMixin):
    """Asks first. What was sent goes on by itself afterwards, unless it has passwords, keys or files, which no session
    keeps: then it is shown to be copied."""

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if not calls_for_confirmation(request) or not request.user.is_authenticated or is_confirmed(request):
            return None
        if reason := why_forged(request):
            refused: HttpResponse = get_callable(settings.CSRF_FAILURE_VIEW)(request, reason=reason)
            return refused
        target = request.get_full_path()
        waits = request.method == "POST" and goes_on(request)
        url = place_to_confirm(request, reverse("login_go_on") if waits else target)
        if url is None:  # known to the provider alone: logs in there again
            logout(request)
            return redirect_to_login(target)
        if waits:
            fields = [(name, value) for name in request.POST for value in request.POST.getlist(name)]
            request.session[PENDING] = {"path": target, "fields": fields}
        return interrupted(request, url) if request.method == "POST" and not goes_on(request) else redirect(url)


def why_forged(request: HttpRequest) -> str | None:
    """Why another site may have sent this. The console checks that in its views, which have not been reached yet, and
    what is sent again after a confirmation has a token of our own."""
    check = CSRFCheck(unreached)
    check.process_request(request)
    refusal: Any = check.process_view(request, unreached, (), {})  # a sentence
    return str(refusal) if refusal else None


def unreached(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def place_to_confirm(request: HttpRequest, target: str) -> str | None:
    """The page that asks the user, and leads to `target` afterwards; None for those whom only a provider knows."""
    methods = get_adapter().get_reauthentication_methods(request.user)
    return f"{methods[0]['url']}?{urlencode({REDIRECT_FIELD_NAME: target})}" if methods else None


def goes_on(request: HttpRequest) -> bool:
    """Whether a session may keep what was sent."""
    return not request.FILES and not any(is_secret(name) for name in request.POST)
