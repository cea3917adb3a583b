"""A face that cannot be recognised gets no decision: two of them would look like one person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from blacklist.exceptions import NoUsableImage
from blacklist.services import create_entry
from clients.models import Client, Scope
from clients.services import create_api_key
from people import services
from people.models import FaceTemplate, Person, ReferenceImage
from people.types import EnrolmentRules, Gate, Whom
from vectors.stored import to_store
from vision.exceptions import NotRecognisable
from vision.tests.drawing import DIM, RED, data_url, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
UNDECIDED = {"distance": None, "similarity": None, "decision": "not_recognisable", "reason": "blurred", "margin": None}


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name, scopes=[*Scope.values])[1]})


@pytest.fixture
def known(client_a: Client) -> Person:
    """A person who was enrolled before such faces were refused."""
    person = services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(external_id="u1")).person
    dim = np.array([*(value / 255 for value in DIM), 1], np.float32)
    for template in FaceTemplate.objects.all():
        template.embedding = to_store(dim, client_id=client_a.pk, space=template.space)
        template.save()
    return person


def post(api: APIClient, path: str, **body: Any) -> Any:
    return api.post(f"/api/v1{path}", body, format="json").json()


def test_search_names_nobody(api: APIClient, known: Person) -> None:
    answer = post(api, "/people/search", image=data_url(picture(DIM, RED)))
    dim, red = answer["faces"]
    assert (dim["decision"], dim["reason"], dim["candidates"]) == ("not_recognisable", "blurred", [])
    assert (red["decision"], red["reason"], len(red["candidates"])) == ("no_match", None, 1)
    [largest] = post(api, "/people/search", image=data_url(picture(DIM)), faces="largest")["faces"]
    assert largest["decision"] == "not_recognisable" and largest["box"]["w"] == 41


def test_verification_compares_nothing(api: APIClient, known: Person) -> None:
    answer = post(api, f"/people/{known.number}/verify", image=data_url(picture(DIM)))
    assert answer | UNDECIDED == answer and answer["threshold"] == 0.2


def test_comparison_says_which_image_it_is(api: APIClient) -> None:
    dim, red = data_url(picture(DIM)), data_url(picture(RED))
    first, second = post(api, "/compare/", image=red, images=[dim, red])["results"]
    assert first["comparison"] | UNDECIDED == first["comparison"] and first["error"] is None
    assert second["comparison"]["decision"] == "match"
    both = post(api, "/compare/", image=dim, images=[dim, red])["results"]
    assert [item["comparison"]["decision"] for item in both] == ["not_recognisable"] * 2


@pytest.mark.parametrize("gate", list(Gate))
def test_no_gate_lets_it_in(client_a: Client, api: APIClient, gate: Gate) -> None:
    with pytest.raises(NotRecognisable, match="it is blurred"):
        services.enrol_face(client=client_a, upload=Upload(picture(DIM)), whom=Whom(), rules=EnrolmentRules(gate=gate))
    answer = post(api, "/people/", external_id="u2", image=data_url(picture(DIM)), quality_gate=gate.value)
    assert answer["code"] == "face.not_recognisable"
    batch = services.enrol_photographs(
        client=client_a, uploads=[Upload(picture(DIM), "d")], whom=Whom(), rules=EnrolmentRules(gate=gate)
    )
    assert [refusal.code for refusal in batch.refusals] == ["face.not_recognisable"]
    assert not ReferenceImage.objects.exists() and not Person.objects.exists()


def test_a_blacklist_takes_none(client_a: Client) -> None:
    with pytest.raises(NoUsableImage):
        create_entry(client=client_a, name="Red", uploads=[Upload(picture(DIM))])
    done = create_entry(client=client_a, name="Red", uploads=[Upload(picture(DIM)), Upload(picture(RED))])
    assert [refusal.code for refusal in done.refused] == ["face.not_recognisable"] and len(done.added) == 1
