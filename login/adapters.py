"""What allauth asks the project: who may log in, who is new, and where they go."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from login.confirmation import is_confirmed
from login.throttling import Attempt, address_of

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by administrators. One message for a wrong name, a wrong password and an inactive account."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": gettext_lazy("The username or the password is wrong."),
        "incorrect_password": gettext_lazy("The password is wrong."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Also for confirmations. Raises `ValidationError` beyond a limit, before the password is hashed."""
        attempt = Attempt(request, credentials["username"])
        if minutes := attempt.count():
            log.warning("A password was not looked at: too many wrong ones for its name or from its address.")
            text = ngettext(
                "There were too many wrong passwords. Try again in %(count)s minute.",
                "There were too many wrong passwords. Try again in %(count)s minutes.",
                minutes,
            )
            raise ValidationError(text % {"count": minutes}, code="too_many_login_attempts")
        user: Any = authenticate(request, **credentials)
        if user is not None:
            attempt.was_right()
        return user

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or "unknown"

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        user: Any = request.user
        return reverse("admin:index" if user.is_staff else "home")

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """For accounts that a provider's users get."""
        return self.get_login_redirect_url(request)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return not is_confirmed(context.request)


class SecondFactorAdapter(DefaultMFAAdapter):
    def get_totp_issuer(self) -> str:
        return f"{settings.UNFOLD['SITE_TITLE']} ({context.request.get_host()})"

    def generate_authenticator_name(self, user: Any, kind: Any) -> str:
        """A name to begin with; people may change it."""
        return _("Passkey %(number)s") % {"number": user.authenticator_set.filter(type=kind).count() + 1}


class OidcAdapter(DefaultSocialAccountAdapter):
    """Whom the provider knows by a verified e-mail address that one active account has is that account. Others get an
    account without any rights, if their domain is allowed."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        if sociallogin.state.get("process") != "login":  # nobody adds a way in to an account of their own
            raise PermissionDenied
        email = verified_email(sociallogin)
        if sociallogin.is_existing or not email:
            return
        found = list(User.objects.filter(email__iexact=email)[:2])
        if len(found) == 1 and found[0].is_active:
            sociallogin.connect(request, found[0])

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        domain = verified_email(sociallogin).rpartition("@")[2].lower()
        is_taken = User.objects.filter(email__iexact=verified_email(sociallogin)).exists()
        return not is_taken and bool(domain) and domain in {allowed.lower() for allowed in settings.OIDC_DOMAINS}


def verified_email(sociallogin: Any) -> str:
    """Which the provider says belongs to the user; empty if it does not say so."""
    return next((address.email for address in sociallogin.email_addresses if address.verified), "")
