"""Accounts with a name and a password."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.db import models

from clients.models import Client
from compat.faceanalysis.querysets import AccountQuerySet


class Account(models.Model):
    """A user who acts as a client. All accounts of a client share its images."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="faceanalysis_accounts")
    username = models.CharField(max_length=32)
    password = models.CharField(max_length=128, editable=False)
    is_active = models.BooleanField(default=True, help_text="An inactive account and its tokens are refused.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[AccountQuerySet] = AccountQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["username"]
        verbose_name = "FaceAnalysis account"
        constraints = [models.UniqueConstraint(fields=["client", "username"], name="one_account_per_client_and_name")]

    def __str__(self) -> str:
        return f"account {self.pk}"

    def set_password(self, password: str) -> None:
        """Keep a salted hash; the row is not saved."""
        self.password = make_password(password)

    def check_password(self, password: str) -> bool:
        """Whether this is the password. A hash of an older kind is renewed."""

        def renew(same: str) -> None:
            self.set_password(same)
            self.save(update_fields=["password"])

        return check_password(password, self.password, renew)
