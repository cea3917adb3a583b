"""Tables of the vault. `vault` lies below `clients` and knows a client by its foreign key alone."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class MasterKey(models.Model):
    """Which master key wraps the keys of the clients: one row, by which a wrong key is noticed. Not the key itself."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    fingerprint = models.CharField(max_length=16)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="vault_one_master_key")]

    def __str__(self) -> str:
        return f"master key {self.fingerprint}"


class ClientKey(models.Model):
    """A client's own key, wrapped by the master key. It goes with the client: erasing one destroys the other."""

    client = models.OneToOneField("clients.Client", models.CASCADE, primary_key=True, related_name="+")
    wrapped = models.BinaryField()
    master = models.CharField(max_length=16, help_text="The fingerprint of the master key that wraps it.")
    made_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"key of client {self.pk}"
