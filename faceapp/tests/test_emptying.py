"""What tests commit is removed after each."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from clients.models import Client
from faceapp.tests import emptying
from people import services
from people.types import EnrolmentRules, Whom
from vision.tests.drawing import RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db(transaction=True)


def filled() -> set[str]:
    """The tables that have rows."""
    tables = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    return {table for table, model in tables.items() if model._base_manager.exists()}


def test_rows_of_every_kind_go_and_what_migrations_made_stays(client_a: Client) -> None:
    services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(), rules=EnrolmentRules())
    assert {"clients_client", "people_person", "people_facetemplate", "auth_group"} <= filled()
    emptying.remove_rows()
    assert filled() == set(emptying.KEPT)


@pytest.mark.parametrize("changed", [Group, Permission])
def test_a_change_of_what_migrations_made_is_noticed(changed: type[Group] | type[Permission]) -> None:
    before = emptying.what_is_kept()
    row = changed.objects.all()[0]
    row.name = "changed"
    row.save()
    assert emptying.what_is_kept() != before
