"""How callers are authenticated: by a key, by a login, or by neither if the settings allow it.

After authentication `client_of(request)` is the caller's client, `request.auth` the `ApiKey` or None.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from clients import services
from clients.access import Choice, choice_of
from clients.lookups import key_of_path_token, key_of_prefix, memberships_of, show_own_clients
from clients.middleware import path_token_of as path_token_of
from clients.models import ApiKey, Client, Membership, Role, Scope
from clients.networks import contains
from clients.quotas import take_images
from clients.throttling import FailedKeyThrottle
from telemetry.actors import ActorKind, identify
from vision import dispatch, sources
from walls.current import NOBODY, show

KEYWORD = "Api-Key"
CLIENT_HEADER = "X-Client"  # which of their clients users who are logged in mean
log = logging.getLogger(__name__)


class ClientUser(AnonymousUser):
    """`request.user` of a caller that is a client, not a person: authenticated, without any permission."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client
        self.username = client.name  # type: ignore[assignment]  # the stub knows the empty name only

    def __str__(self) -> str:
        return self.username

    @property
    def is_authenticated(self) -> bool:  # type: ignore[override]
        return True

    @property
    def is_anonymous(self) -> bool:  # type: ignore[override]
        return False


def client_of(request: Request | HttpRequest) -> Client:
    """The client that the caller acts as.

    Raises `PermissionDenied` if there is none (`auth.no_client`), or several of which none is chosen
    (`auth.client_not_chosen`).
    """
    user = request.user  # DRF authenticates on first access
    client: Client | None = getattr(request, "client", None)
    if client is None:
        show_own_clients(user)
    if client is None and Client.objects.open_to(user).exists():
        message = f"Choose a client first: at /choose-client/, or by its name in the header {CLIENT_HEADER}."
        raise PermissionDenied(message, code="auth.client_not_chosen")
    if client is None:
        message = "You are not a member of any active client. An administrator can add you to one."
        raise PermissionDenied(message, code="auth.no_client")
    return client


def set_client(request: Request, client: Client | None) -> None:
    """Work for this client alone from now on.

    It is kept on Django's request, because the browsable API makes several DRF requests of one.
    """
    request._request.client = client  # type: ignore[attr-defined]
    show(client.pk if client else NOBODY)
    if client:
        dispatch.act_for(str(client.pk), charge=partial(take_images, client))
    else:
        dispatch.act_for("")


class ApiKeyAuthentication(BaseAuthentication):
    """A token in the path, `Authorization: Api-Key <key>` or `X-API-Key: <key>`; the first of them that was sent.

    A key that is refused ends the request: 401. One that is used from outside its networks is as unknown as any other,
    so that whoever found it does not learn that it is right.
    """

    def authenticate(self, request: Request) -> tuple[ClientUser, ApiKey] | None:
        token = path_token_of(request._request)
        text = self.read_key(request) if token is None else None
        if token is None and text is None:
            return None
        try:
            key = self.find_key(text or "") if token is None else self.find_by_token(token)
            require_network(key, request)
            require_usable(key, text)
        except AuthenticationFailed:
            self.count_refusal(request)
            raise
        return self.enter(request, key, text)

    @staticmethod
    def enter(request: Request, key: ApiKey, text: str | None = None) -> tuple[ClientUser, ApiKey]:
        """Let the request act by a key that has been found usable; `text` is what was sent of it."""
        set_client(request, key.client)
        services.record_use(key=key)
        identify(ActorKind.KEY, key.prefix)
        sources.may_refer.set(Scope.REFERENCES in key.scopes)
        request._request.key_ends_at = key.ends_at(is_previous=is_previous(key, text))  # type: ignore[attr-defined]
        return ClientUser(key.client), key

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD

    def count_refusal(self, request: Request) -> None:
        """Raises `Throttled` for an address that keeps sending wrong keys."""
        FailedKeyThrottle().count(request)

    @staticmethod
    def read_key(request: Request) -> str | None:
        """The key as sent, which may be empty; None if none was sent."""
        scheme, _, key = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() == KEYWORD.lower():
            return key.strip()
        sent: str | None = request.headers.get("X-API-Key")
        return sent.strip() if sent is not None else None

    @staticmethod
    def find_key(text: str) -> ApiKey:
        """The row of a key, usable or not; the key may be the one before its last rotation."""
        prefix = text.partition(".")[0]
        key = key_of_prefix(prefix) if prefix.isalnum() else None
        if key is None or not (key.is_valid(text) or key.is_previous(text)):
            raise unknown_key()
        return key

    @staticmethod
    def find_by_token(token: str) -> ApiKey:
        """The row of the key whose path token this is, usable or not."""
        key = key_of_path_token(token)
        if key is None:
            raise unknown_key()
        return key


def unknown_key() -> AuthenticationFailed:
    return AuthenticationFailed("This API key is not known.", code="auth.invalid_key")


def is_previous(key: ApiKey, text: str | None) -> bool:
    """Whether a caller who was found to have this key sent the text before the last rotation."""
    return text is not None and key.is_previous(text)


def require_network(key: ApiKey, request: Request) -> None:
    """Raise `AuthenticationFailed`, as for an unknown key, unless the caller's address is one of the key's networks."""
    if key.networks and not contains(key.networks, FailedKeyThrottle().get_ident(request)):
        log.warning("A key of client %s was refused: it was used from outside its networks.", key.client_id)
        raise unknown_key()


def require_usable(key: ApiKey, text: str | None) -> None:
    """Raise `AuthenticationFailed` if the key is revoked or expired or its client inactive."""
    if key.revoked:
        raise AuthenticationFailed("This API key has been revoked.", code="auth.revoked_key")
    ends_at = key.ends_at(is_previous=is_previous(key, text))
    if ends_at is not None and ends_at <= timezone.now():
        raise AuthenticationFailed("This API key has expired.", code="auth.expired_key")
    if not key.client.is_active:
        raise AuthenticationFailed("The client of this API key is inactive.", code="auth.inactive_client")


class ClientSessionAuthentication(SessionAuthentication):
    """A user logged in to the site, acting for the chosen client in the user's role; see `clients.access`."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        answer = super().authenticate(request)
        if answer is None:
            return None
        named = request.headers.get(CLIENT_HEADER)
        choice = self.by_choice(request._request) if named is None else self.by_name(answer[0], named)
        set_client(request, choice.client if choice else None)
        request._request.role = (choice.role or Role.MANAGER) if choice else None  # type: ignore[attr-defined]
        identify(ActorKind.USER, str(answer[0].pk))
        return answer[0], None

    @staticmethod
    def by_name(user: Any, name: str) -> Choice:
        """Raises `PermissionDenied` (`auth.not_a_member`), for clients that do not exist as well."""
        show_own_clients(user)
        client = Client.objects.active().open_to(user).filter(name=name.replace("\0", " ")).first()
        if client is None:
            message = f"You are not a member of an active client with the name in {CLIENT_HEADER}."
            raise PermissionDenied(message, code="auth.not_a_member")
        membership = Membership.objects.filter(user=user, client=client).first()
        return Choice(client, None if user.is_superuser or membership is None else Role(membership.role))

    @staticmethod
    def by_choice(request: HttpRequest) -> Choice | None:
        """What the session says. An administrator who looks at all clients acts as the only one with a membership."""
        choice = choice_of(request)
        if choice and choice.client is None:
            own = memberships_of(request.user)
            return Choice(own[0].client, None) if len(own) == 1 else None
        return choice if choice and choice.client and choice.client.is_active else None

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise PermissionDenied(str(error.detail), code="auth.csrf_failed") from error


class AnonymousClientAuthentication(BaseAuthentication):
    """Requests without a key act as the client named in `ANONYMOUS_CLIENT`, made on first use; off if that is empty.

    Pages of other sites are refused: otherwise any page could change the blacklist from a visitor's browser.
    """

    def authenticate(self, request: Request) -> tuple[ClientUser, None] | None:
        if not settings.ANONYMOUS_CLIENT or not self.is_own_origin(request):
            return None
        client = services.get_or_create_client(name=settings.ANONYMOUS_CLIENT)
        if not client.is_active:
            raise AuthenticationFailed(
                "The client for requests without a key is inactive.", code="auth.inactive_client"
            )
        set_client(request, client)
        sources.may_refer.set(settings.ANONYMOUS_REFERENCES)
        return ClientUser(client), None

    @staticmethod
    def is_own_origin(request: Request) -> bool:
        """Whether a program sent this, or a page of ours or of a site that the administrator allowed."""
        origin = request.headers.get("Origin")
        own = f"{request.scheme}://{request.get_host()}"
        return origin in {None, own, *settings.CORS_ALLOWED_ORIGINS, *settings.CSRF_TRUSTED_ORIGINS}
