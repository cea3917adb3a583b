"""Services of keys, and the UUIDs of an earlier server as keys."""

from __future__ import annotations

import uuid

import pytest

from clients.models import ApiKey, Client, Scope
from compat.compreface.exceptions import KeyTaken, UnknownService, WeakKey
from compat.compreface.models import Service, ServiceKind
from compat.compreface.services import create_service, gallery_of, key_of_uuid, kinds_of, remove_service
from people.models import Gallery

pytestmark = pytest.mark.django_db
KEY = "c8f2a6b0-9d3e-4a17-8f55-0b61d2e7a934"


def test_a_uuid_is_a_key_of_ours_of_which_only_a_hash_is_kept(client_a: Client) -> None:
    staff = Gallery.objects.named(client_a, "staff")
    made, text = create_service(client=client_a, kinds="R", name="Entrance", key_uuid=KEY, gallery=staff)
    stored = str(list(Service.objects.values())) + str(list(ApiKey.objects.filter(pk=made.api_key_id).values()))
    assert KEY not in stored
    assert ApiKey.objects.get(pk=made.api_key_id).is_valid(text)
    found = key_of_uuid(KEY.upper())
    assert found == made.api_key
    assert gallery_of(key=made.api_key) == staff
    assert kinds_of(made.api_key) == {"R"}
    assert made.api_key.scopes == ["people:read", "people:write", "people:search"]
    assert made.api_key.expiry_date is None


def test_making_it_again_changes_nothing(client_a: Client, client_b: Client) -> None:
    made, _ = create_service(client=client_a, kinds="D", name="Doors", key_uuid=uuid.UUID(KEY))
    again, text = create_service(client=client_a, kinds="D", name="Doors", key_uuid=KEY)
    assert (again.pk, text) == (made.pk, "")
    with pytest.raises(KeyTaken):
        create_service(client=client_b, kinds="D", name="Doors", key_uuid=KEY)


def test_a_published_key_is_refused(client_a: Client) -> None:
    with pytest.raises(WeakKey):
        create_service(client=client_a, kinds="R", name="Demo", key_uuid="00000000-0000-0000-0000-000000000002")
    assert key_of_uuid("00000000-0000-0000-0000-000000000002") is None


def test_embeddings_only_when_named(client_a: Client) -> None:
    made, _ = create_service(client=client_a, kinds=["V", "R"], name="Both", embeddings=True)
    assert Scope.EMBEDDINGS in made.api_key.scopes
    assert made.kinds == ["R", "V"]


def test_a_key_without_a_row_has_them_all(client_a: Client) -> None:
    made, _ = create_service(client=client_a, kinds="R", name="x", key_uuid=KEY)
    remove_service(service=made)
    key = ApiKey.objects.get(pk=made.api_key_id)
    assert kinds_of(key) == {ServiceKind.RECOGNITION, ServiceKind.DETECTION, ServiceKind.VERIFICATION}
    assert gallery_of(key=key).is_default
    assert key_of_uuid(KEY) is None


def test_a_service_whose_gallery_was_deleted_knows_nobody(client_a: Client) -> None:
    gallery = Gallery.objects.named(client_a, "staff")
    made, _ = create_service(client=client_a, kinds="R", name="x", gallery=gallery)
    gallery.delete()
    with pytest.raises(UnknownService):
        gallery_of(key=ApiKey.objects.get(pk=made.api_key_id))
