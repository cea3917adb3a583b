"""`/api/v1/people/{id}/merge/`, `/split/` and `/apart/`: who is who."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clients.authentication import client_of
from people import services
from people.api import narrowing
from people.api.serializers import PersonSerializer
from people.models import Person
from rest.examples import example
from rest.input import read_input

if TYPE_CHECKING:
    from rest_framework.viewsets import GenericViewSet

    View = GenericViewSet[Person]
else:
    View = object


@example(person=17)
class OtherPerson(serializers.Serializer[Any]):
    """Another person of the client."""

    person = serializers.CharField(max_length=40, help_text="The other person's number or UUID.")


@example(images=[3, 4], name="Ada Lovelace")
class NewIdentity(serializers.Serializer[Any]):
    """Photographs that show somebody else, and who that is."""

    images: Any = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        allow_empty=False,
        max_length=1000,
        help_text="Numbers of some of the person's photographs, but not all.",
    )
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    external_id = serializers.CharField(
        max_length=512, required=False, allow_blank=True, allow_null=True, trim_whitespace=False
    )


class IdentityActions(View):
    """What `PeopleViewSet` does with two people."""

    @extend_schema(request=OtherPerson, responses=PersonSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def merge(self, request: Request, pk: str) -> Response:
        """Take another person's photographs, groups of albums and data into this one.

        The other record is removed: its ids are not found any more. This person's name, external id and metadata stay,
        and are completed by the other's. Of users who are logged in, only managers may do it. To undo it, split
        the person; what the other record held besides photographs is not restored.
        """
        person, other = self._both()
        merged = services.merge_persons(person=person, other=other)
        return self._answer(services.get_person(client=merged.client, person_id=merged.number))

    @extend_schema(request=NewIdentity, responses={201: PersonSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def split(self, request: Request, pk: str) -> Response:
        """Move some photographs of this person to a new one, which is returned.

        The new person is in the same gallery. The two are not listed as look-alikes of each other.
        """
        person, given = self.get_object(), read_input(self, NewIdentity)
        data = given.validated_data
        new = services.split_person(
            person=person, images=data["images"], name=data.get("name", ""), external_id=data.get("external_id")
        )
        return self._answer(new, given.initial_data, status=status.HTTP_201_CREATED)

    @extend_schema(request=OtherPerson, responses={204: None})
    @action(detail=True, methods=["post"], filterset_class=None)
    def apart(self, request: Request, pk: str) -> Response:
        """Name another person who is not the same. The two are not listed as look-alikes any more."""
        person, other = self._both()
        services.keep_apart(person=person, other=other)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _both(self) -> tuple[Person, Person]:
        person, given = self.get_object(), read_input(self, OtherPerson)
        return person, services.get_person(client=client_of(self.request), person_id=given.validated_data["person"])

    def _answer(self, person: Person, given: Any = (), **more: Any) -> Response:
        body = PersonSerializer(person, context=self.get_serializer_context()).data
        return Response(narrowing.written(self.request, body, given), **more)
