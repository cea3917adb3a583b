"""What callers may do."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from clients.authentication import client_of
from clients.models import NAMED_ONLY, ApiKey, Role, Scope

VIEWER = {Scope.BLACKLIST_READ, Scope.PEOPLE_READ}
OPERATOR = VIEWER | {
    Scope.ALBUMS, Scope.BLACKLIST_WRITE, Scope.DETECT, Scope.LIVENESS, Scope.PEOPLE_MATCH, Scope.PEOPLE_SEARCH,
    Scope.PEOPLE_WRITE, Scope.SCREEN,
}  # fmt: skip
SCOPES = {Role.VIEWER: VIEWER, Role.OPERATOR: OPERATOR, Role.MANAGER: set(Scope) - NAMED_ONLY}
READ_BY_VIEWERS = {Scope.ALBUMS, Scope.SCREEN}  # scopes for reading and writing, of which viewers have the first

ALWAYS = {"id", "uuid", "created_at", "added_date"}


class HasScope(BasePermission):
    """The caller has a client, and the caller's key or role has the view's scope.

    A view names its scopes as `scope_read` and `scope_write` (which defaults to `scope_read`), or per action in
    `scopes: dict[str, str]`; a view without scopes is open to every authenticated caller, but for keys without any.

    Of users who are logged in, only managers erase (`DELETE`, unless the view says `erases = False`) and take the
    actions, or methods, in the view's `for_managers`.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        client_of(request)
        if scope := required_scope(request, view):
            require_scope(request, scope)
        elif isinstance(request.auth, ApiKey) and not request.auth.scopes:
            raise PermissionDenied("This API key has no scopes, so it may do nothing.", code="auth.missing_scope")
        if is_for_managers(request, view) and not is_managing(request):
            raise PermissionDenied("Only managers of the client may do this.", code="auth.missing_role")
        return True


def is_managing(request: Request) -> bool:
    """Whether no role keeps the caller from what managers do: a manager, an administrator, or a key."""
    return role_of(request) in {None, Role.MANAGER}


def require_scope(request: Request, scope: str) -> None:
    """Raise `PermissionDenied` for a key or role without this scope; for views whose calls need a second one."""
    if not may(request, scope):
        raise PermissionDenied(f"This API key lacks the scope '{scope}'.", code="auth.missing_scope")
    role = role_of(request)
    if role is None or scope in SCOPES[role] or (scope in READ_BY_VIEWERS and request.method in SAFE_METHODS):
        return
    raise PermissionDenied(f"The role '{role}' lacks the scope '{scope}'.", code="auth.missing_role")


def may(request: Request, scope: str) -> bool:
    """Whether the caller may do what a scope stands for, for answers that say less to callers without it."""
    return not isinstance(request.auth, ApiKey) or request.auth.allows(scope)


def what_was_written(request: Request, body: dict[str, Any], given: Collection[str], *, scope: str) -> dict[str, Any]:
    """Of a stored row, what a caller without the `scope` to read it is told: its ids, its time, and what was given."""
    return body if may(request, scope) else {name: body[name] for name in body if name in {*ALWAYS, *given}}


def require_named_scope(request: Request, scope: str) -> None:
    """Raise `PermissionDenied` unless the caller has a key that names this scope."""
    if not (isinstance(request.auth, ApiKey) and scope in request.auth.scopes):
        raise PermissionDenied(f"This needs an API key with the scope '{scope}'.", code="auth.missing_scope")


def role_of(request: Request) -> Role | None:
    """Of a user who is logged in; None for other callers."""
    role: Role | None = getattr(request, "role", None)
    return role


def is_for_managers(request: Request, view: Any) -> bool:
    """Whether this erases, or decides what is right for all who work for the client."""
    return erases(request, view) or action_of(request, view) in getattr(view, "for_managers", ())


def erases(request: Request, view: Any) -> bool:
    """Whether this is a `DELETE` that erases."""
    return request.method == "DELETE" and getattr(view, "erases", True)


def action_of(request: Request, view: Any) -> str:
    """The view's action, or the method where it has none."""
    return getattr(view, "action", None) or method_of(request)


def method_of(request: HttpRequest | Request) -> str:
    """In small letters. `HEAD` is answered by what answers `GET`, and says how long that answer is."""
    method = str(request.method).lower()
    return "get" if method == "head" else method


def required_scope(request: Request, view: Any) -> str | None:
    """The scope that this request needs, or None."""
    by_action: dict[str, str] = getattr(view, "scopes", {})
    action = getattr(view, "action", None)
    if action in by_action:
        return by_action[action]
    read: str | None = getattr(view, "scope_read", None)
    return read if request.method in SAFE_METHODS else getattr(view, "scope_write", read)
