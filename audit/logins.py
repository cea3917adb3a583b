"""Logins to the site, as Django reports them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.utils.crypto import salted_hmac

from audit.services import record
from audit.types import Action
from telemetry.actors import ActorKind, identify

SALT = "audit.failed_login"


@receiver(user_logged_in, dispatch_uid="audit.logged_in")
def note_login(*, user: AbstractBaseUser, **_: Any) -> None:
    identify(ActorKind.USER, str(user.pk))
    record(Action.LOGIN, client_id=None, objects=[f"user:{user.pk}"])


@receiver(user_logged_out, dispatch_uid="audit.logged_out")
def note_logout(*, user: AbstractBaseUser | None, **_: Any) -> None:
    if user is not None:
        identify(ActorKind.USER, str(user.pk))
        record(Action.LOGOUT, client_id=None, objects=[f"user:{user.pk}"])


@receiver(user_login_failed, dispatch_uid="audit.login_failed")
def note_failed_login(*, credentials: dict[str, Any], **_: Any) -> None:
    """The name may be a password that was typed into the wrong field: a keyed digest tells equal ones."""
    digest = salted_hmac(SALT, str(credentials.get("username", "")), algorithm="sha256").hexdigest()
    record(Action.FAILED_LOGIN, client_id=None, objects=[f"login:{digest[:16]}"])
