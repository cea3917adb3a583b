"""How PostgreSQL searches: a small client must not pay for the templates of large ones."""

from __future__ import annotations

import pytest
from django.db import connection

from clients.models import Client
from faceapp.tests.database_roles import acting_as_owner
from people.models import Gallery, GalleryKind, Person
from people.services import galleries_called, search_in
from vision.engines import engines

pytestmark = pytest.mark.django_db
OTHERS, OWN = 20_000, 100


def fill(client: Client, count: int, kind: GalleryKind) -> None:
    """Templates of one person: what matters to the planner is how many there are."""
    gallery = Gallery.objects.default_of(client, kind)
    person = Person.objects.create(client=client, gallery=gallery)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_referenceimage (uuid, number, person_id, image, width, height, original_name,"
            " box_x, box_y, box_w, box_h, confidence, quality, created_at)"
            " SELECT gen_random_uuid(), n, %s, '', 1, 1, '', 0, 0, 1, 1, 1, '{}', now() FROM generate_series(1, %s) n",
            [person.pk, count],
        )
        cursor.execute(
            "INSERT INTO people_facetemplate (uuid, client_id, gallery_id, person_id, reference_image_id, space,"
            " embedding, created_at) SELECT gen_random_uuid(), %s, %s, person_id, id, %s, '[1,2,3,4]', now()"
            " FROM people_referenceimage WHERE person_id = %s",
            [client.pk, gallery.pk, engines["default"].space.name, person.pk],
        )


def test_a_small_clients_search_reads_its_own_templates_by_the_index(client_a: Client, client_b: Client) -> None:
    fill(client_b, OTHERS, GalleryKind.PEOPLE)
    fill(client_a, OWN, GalleryKind.PEOPLE)
    fill(client_a, OWN, GalleryKind.BLACKLIST)
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE people_facetemplate")
    people = search_in(client=client_a, galleries=galleries_called(client=client_a, sources=None)).templates
    plan = people.explain(analyze=True, timing=False)
    assert "template_client_space_gallery" in plan and "Seq Scan" not in plan
    assert f"rows={OWN} " in plan.replace(".00", "")
