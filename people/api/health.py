"""`/api/v1/galleries/{name}/health`: people who look alike, and photographs that should be replaced."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import ViewSet

from clients.authentication import client_of
from clients.models import Scope
from clients.permissions import require_scope
from people import services
from people.api.views import KIND
from people.health import POOR, Health, health_of
from people.models import GalleryKind, LookAlikes, OddPhotograph
from people.types import HealthStatus
from rest.fields import FiniteField, TextOrNull
from rest.pagination import StrictPagination

UNPAGED = [OpenApiParameter(name, exclude=True) for name in ("limit", "offset", "newest")]
SHOWN = 20  # rows of each list in the overview


class FoundSerializer(serializers.Serializer[Any]):
    """A person, and the photograph that it is about. In a blacklist, an entry and one of its photographs."""

    person_id = serializers.IntegerField(source="person.number")
    person_uuid = serializers.UUIDField(source="person.uuid")
    external_id = serializers.CharField(source="person.external_id", allow_null=True)
    name = serializers.CharField(source="person.name")
    reference_image_id = serializers.IntegerField(source="image.number")


class DistanceSerializer(serializers.Serializer[Any]):
    """How far apart two photographs are."""

    distance = FiniteField()
    similarity = serializers.SerializerMethodField()

    def get_similarity(self, row: LookAlikes | OddPhotograph) -> float:
        """0 to 1; see docs/similarity.md."""
        health: Health = self.context["health"]
        return round(health.point.similarity(row.distance), 6)


class LookAlikesSerializer(DistanceSerializer):
    """Two people within the threshold of the gallery, each with the photograph that is nearest to the other's."""

    people = serializers.SerializerMethodField()

    @extend_schema_field(FoundSerializer(many=True))
    def get_people(self, row: LookAlikes) -> Any:
        pair = [{"person": row.person, "image": row.image}, {"person": row.other, "image": row.other_image}]
        return FoundSerializer(pair, many=True).data


class OddPhotographSerializer(FoundSerializer, DistanceSerializer):
    """A photograph beyond the threshold from all others of the person; the distance is to the nearest of them."""


class PoorPersonSerializer(FoundSerializer):
    """A person whose photographs are all poor, with the best of them and what is wrong with it."""

    reference_image_id = serializers.IntegerField(source="best_image.number")
    recognisability = FiniteField(allow_null=True, help_text="0 to 1; null: not assessed.")
    reason = TextOrNull(help_text="`cut`, `turned`, `small`, `dark`, `blurred` or `unclear`.")


class BeginningSerializer(serializers.Serializer[Any]):
    """The beginning of a list: how long it is, and where the whole of it is."""

    total_items = serializers.IntegerField()
    url = serializers.CharField()


class FirstLookAlikesSerializer(BeginningSerializer):
    items = LookAlikesSerializer(many=True)


class FirstOddPhotographsSerializer(BeginningSerializer):
    items = OddPhotographSerializer(many=True)


class FirstPoorPeopleSerializer(BeginningSerializer):
    items = PoorPersonSerializer(many=True)


@extend_schema_serializer(many=False)
class HealthSerializer(serializers.Serializer[Any]):
    """What is known of a gallery, with the first rows of each list."""

    status: Any = serializers.ChoiceField(
        [status.value for status in HealthStatus],
        help_text="`outdated`: people, photographs or the threshold have changed since; it will be computed again.",
    )
    computed_at = serializers.DateTimeField(allow_null=True, help_text="When the last computation ended.")
    space = serializers.CharField()
    metric = serializers.CharField()
    threshold = FiniteField(help_text="The largest distance that counts as the same person in this gallery now.")
    poor_below = FiniteField(help_text="The recognisability below which a photograph is poor.")
    look_alikes = FirstLookAlikesSerializer(help_text="Pairs of people, the nearest first.")
    odd_photographs = FirstOddPhotographsSerializer(help_text="The furthest first.")
    poor_people = FirstPoorPeopleSerializer(help_text="The least recognisable first, then those not assessed.")


class GalleryHealthViewSet(ViewSet):
    """What to look at in a gallery, computed in the background. A blacklist also needs the scope `blacklist:read`."""

    pagination_class = StrictPagination
    scope_read = Scope.PEOPLE_READ

    @extend_schema(operation_id="galleries_health_retrieve", parameters=[KIND, *UNPAGED], responses=HealthSerializer)
    def list(self, request: Request, name: str) -> Response:
        """Report on the health of a gallery.

        People who look like one another, photographs unlike their person, and people with poor photographs only.
        """
        health = self._health(name)
        lists = {
            "look_alikes": health.look_alikes,
            "odd_photographs": health.odd_photographs,
            "poor_people": health.poor_people,
        }
        body: dict[str, Any] = {
            "status": health.status,
            "computed_at": health.computed_at,
            "space": health.space,
            "metric": health.point.metric,
            "threshold": health.point.threshold,
            "poor_below": POOR,
        }
        body |= {
            key: {"total_items": rows.count(), "url": self._url(health, key), "items": rows[:SHOWN]}
            for key, rows in lists.items()
        }
        return Response(HealthSerializer(body, context={"health": health}).data)

    @extend_schema(parameters=[KIND], responses=LookAlikesSerializer(many=True))
    @action(detail=False, url_path="look-alikes")
    def look_alikes(self, request: Request, name: str) -> Response:
        """List pairs of people who look alike, the nearest first."""
        health = self._health(name)
        return self._page(health, health.look_alikes, LookAlikesSerializer)

    @extend_schema(parameters=[KIND], responses=OddPhotographSerializer(many=True))
    @action(detail=False, url_path="odd-photographs")
    def odd_photographs(self, request: Request, name: str) -> Response:
        """List photographs that do not look like their person.

        The furthest from any other of the person comes first.
        """
        health = self._health(name)
        return self._page(health, health.odd_photographs, OddPhotographSerializer)

    @extend_schema(parameters=[KIND], responses=PoorPersonSerializer(many=True))
    @action(detail=False, url_path="poor-people")
    def poor_people(self, request: Request, name: str) -> Response:
        """List people with poor photographs only. The least recognisable comes first."""
        health = self._health(name)
        return self._page(health, health.poor_people, PoorPersonSerializer)

    def _health(self, name: str) -> Health:
        kind = self.request.query_params.get("kind")
        gallery = services.get_gallery(client=client_of(self.request), name=name, kind=kind)
        if gallery.kind == GalleryKind.BLACKLIST:
            require_scope(self.request, Scope.BLACKLIST_READ)
        return health_of(gallery)

    def _url(self, health: Health, key: str) -> str:
        route = f"gallery-health-{key.replace('_', '-')}"
        url = reverse(route, kwargs={"name": health.gallery.name}, request=self.request)
        return f"{url}?kind={health.gallery.kind}"

    def _page(self, health: Health, rows: QuerySet[Any], serializer: type[serializers.Serializer[Any]]) -> Response:
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, self.request, self)
        return paginator.get_paginated_response(serializer(page, many=True, context={"health": health}).data)
