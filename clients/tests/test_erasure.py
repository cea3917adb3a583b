"""Resetting a client takes everything: every model that leads to a client, however it does."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db.models import CASCADE, ForeignKey, Model

from clients.erasure import _belongings, reset_client
from clients.models import ApiKey, Client, Membership, Role
from clients.services import create_api_key
from clients.tests.members import make_member
from training.models import TrainingOptions
from vault.models import ClientKey


def references(model: type[Model]) -> list[ForeignKey[Model, Model]]:
    """Foreign keys, one-to-one fields and links to a parent."""
    return [field for field in model._meta.get_fields() if isinstance(field, ForeignKey)]


def leading_to(targets: set[type[Model]], *, by_cascade: bool) -> set[type[Model]]:
    """Every model from which foreign keys lead to one of `targets`, in any number of steps; those included."""
    found = set(targets)
    while True:
        more = {
            model
            for model in apps.get_models()
            for field in references(model)
            if field.related_model in found and (field.remote_field.on_delete is CASCADE or not by_cascade)
        }
        if more <= found:
            return found
        found |= more


def test_whatever_leads_to_a_client_is_erased_with_its_data() -> None:
    audit = set(apps.get_app_config("audit").get_models())  # outlives whatever it is about
    kept = leading_to({ApiKey}, by_cascade=True) | {Client, ClientKey, Membership} | audit
    erased = leading_to({relation.related_model for relation in _belongings()}, by_cascade=True)  # type: ignore[misc]
    assert leading_to({Client}, by_cascade=False) - kept <= erased
    assert len(erased) > 15


@pytest.mark.django_db
def test_options_that_a_client_has_one_of_are_erased(client_a: Client, client_b: Client) -> None:
    for client in (client_a, client_b):
        TrainingOptions.objects.create(client=client)
        create_api_key(client_name=client.name)
        make_member(client, Role.VIEWER)
    assert reset_client(client=client_a) == {"training.TrainingOptions": 1}
    assert TrainingOptions.objects.get().client == client_b
    assert ApiKey.objects.count() == Client.objects.count() == Membership.objects.count() == 2
