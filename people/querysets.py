"""Questions to the gallery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import EmptyResultSet
from django.db import IntegrityError, connections, models, transaction
from django.db.models import BooleanField, Count, Exists, F, Func, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from clients.models import Client
from clients.retention import expired
from people.types import GalleryKind, Neighbour, Resemblance, RespaceState
from vision.distances import DISTANCES, OPERATORS
from vision.engines import DEFAULT, engines
from work.querysets import ClaimedWorkQuerySet

if TYPE_CHECKING:
    from people.models import FaceTemplate, Gallery, GalleryHealth, Person, SearchIndex
    from vectors.stored import Rotated

DEFAULT_NAMES = {GalleryKind.PEOPLE: "default", GalleryKind.BLACKLIST: "blacklist"}
SPARE = 4  # templates read for each person wanted; people with many photographs take several places


class GalleryQuerySet(models.QuerySet["Gallery"]):
    def of_client(self, client: Client) -> GalleryQuerySet:
        return self.filter(client=client)

    def of_kind(self, kind: GalleryKind) -> GalleryQuerySet:
        return self.filter(kind=kind)

    def called(self, names: Sequence[str]) -> GalleryQuerySet:
        """Those with one of these names; an empty name means the default gallery."""
        default = Q(is_default=True) if "" in names else Q()
        return self.filter(Q(name__in=[name for name in names if name]) | default)

    def default_of(self, client: Client, kind: GalleryKind = GalleryKind.PEOPLE) -> Gallery:
        """The client's default gallery of a kind, created the first time. Safe when two callers ask at once."""
        return self._get_or_make(client, {"name": DEFAULT_NAMES[kind]}, kind=kind, is_default=True)[0]

    def named(self, client: Client, name: str, kind: GalleryKind = GalleryKind.PEOPLE) -> Gallery:
        """The client's gallery with this name, created if it is missing; an empty name means the default gallery.

        Call it in the transaction that puts someone into the gallery: it is not deleted before that ends.
        """
        galleries = self.filter(client=client, kind=kind)
        if not name:
            return self.default_of(client, kind)
        if name == DEFAULT_NAMES[kind] and not galleries.filter(Q(name=name) | Q(is_default=True)).exists():
            return self.default_of(client, kind)
        while True:
            gallery, created = self._get_or_make(client, {}, kind=kind, name=name)
            if created or gallery.is_default or self.hold(gallery.pk):
                return gallery

    def _get_or_make(self, client: Client, defaults: Mapping[str, Any], **key: Any) -> tuple[Gallery, bool]:
        """`get_or_create`; a new gallery gets the space of the client's others, even while these are being switched.

        The first one gets the default of the deployment, and keeps it if that changes.
        """
        if (found := self.filter(client=client, **key).first()) is not None:
            return found, False
        with transaction.atomic(using=self.db):
            owner = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
            others = self.model.objects.filter(client=client).exclude(space="").order_by("-is_default", "pk")
            spaces: Any = others.values("space", "former_space").first() or {"space": engines[DEFAULT].space.name}
            backend = owner.backend or settings.FACE_PROCESSING_BACKEND
            return self.get_or_create(client=client, **key, defaults={"backend": backend, **defaults, **spaces})

    def lock_of(self, client: Client) -> GalleryQuerySet:
        """All galleries of the client. Until the transaction ends, nobody makes one, or `hold`s one."""
        Client.objects.select_for_update(no_key=True).get(pk=client.pk)
        galleries = self.filter(client=client)
        list(galleries.order_by("pk").select_for_update().values_list("pk"))
        return galleries

    def hold(self, gallery_id: int) -> str:
        """Make a deletion or a switch of the gallery wait for this transaction. Its back end; empty if it is gone."""
        with connections[self.db].cursor() as cursor:
            cursor.execute("SELECT backend FROM people_gallery WHERE id = %s FOR KEY SHARE", [gallery_id])
            return next((str(backend) for (backend,) in cursor.fetchall()), "")

    def described(self) -> GalleryQuerySet:
        """With the search index, and `people_count`, which is counted apart, so that rows stay single and ordered."""
        from people.models import Person

        own = Person.objects.filter(gallery=OuterRef("pk"))
        count = own.order_by().values("gallery").annotate(counted=Count("pk")).values("counted")
        return self.select_related("search_index").annotate(people_count=Coalesce(Subquery(count), 0))


class PersonQuerySet(models.QuerySet["Person"]):
    def of_client(self, client: Client) -> PersonQuerySet:
        return self.filter(client=client)

    def of_kind(self, kind: GalleryKind) -> PersonQuerySet:
        """People in galleries of this kind."""
        return self.filter(kind=kind)

    def in_sources(self, names: Sequence[str]) -> PersonQuerySet:
        """People in galleries with one of these names; an empty name means the default gallery."""
        default = Q(gallery__is_default=True) if "" in names else Q()
        named = Q(gallery__name__in=[name for name in names if name])
        return self.filter(named | default, kind=GalleryKind.PEOPLE)

    def count_in(self, gallery_ids: Sequence[int]) -> int:
        """How many people these galleries hold now, with a face or without."""
        return self.filter(gallery__in=gallery_ids).count() if gallery_ids else 0

    def with_template_only(self, space: str | OuterRef, *, lacking: str | OuterRef) -> PersonQuerySet:
        """People whose face has a template in one space and none in another: names, or references to the person."""
        from people.models import FaceTemplate

        own = FaceTemplate.objects.filter(person=OuterRef("pk"))
        return self.filter(Exists(own.filter(space=space))).exclude(Exists(own.filter(space=lacking)))

    def locked_or_created(self, gallery: Gallery, external_id: str, fields: Mapping[str, Any]) -> tuple[Person, bool]:
        """The person with this external id, locked, and whether it was created with these fields. Never makes two."""
        own = {"client_id": gallery.client_id, "gallery": gallery, "external_id": external_id}
        while True:
            try:
                return self.select_for_update(no_key=True).get_or_create(**own, defaults=fields)
            except IntegrityError as error:
                if "person_external_id_unique" not in str(error):
                    raise  # otherwise another caller created and erased the person between two statements

    def with_images(self) -> PersonQuerySet:
        """With their photographs, the primary one first, with one more query."""
        from people.models import ReferenceImage

        images = ReferenceImage.objects.primary_first()
        return self.prefetch_related(models.Prefetch("reference_images", images))


class ReferenceImageQuerySet(models.QuerySet["ReferenceImage"]):
    def expired(self) -> ReferenceImageQuerySet:
        """Photographs of known people past their retention, oldest first."""
        known = self.filter(person__kind=GalleryKind.PEOPLE).order_by("pk")
        return expired(known, days="person__client__reference_days", default_days=settings.REFERENCE_DAYS)

    def without_template_in(self, space: str | OuterRef) -> ReferenceImageQuerySet:
        """Images that still need a template in this space and have a file to compute it from."""
        from people.models import FaceTemplate

        there = FaceTemplate.objects.filter(reference_image=OuterRef("pk"), space=space)
        return self.with_file().exclude(Exists(there))

    def primary_first(self) -> ReferenceImageQuerySet:
        """The chosen image, then the others, oldest first."""
        return self.order_by("-is_primary", "id")

    def of_client(self, client: Client) -> ReferenceImageQuerySet:
        return self.filter(person__client=client)

    def with_file(self) -> ReferenceImageQuerySet:
        return self.exclude(image="")


class RespaceQuerySet(models.QuerySet["Respace"]):
    def of_client(self, client: Client) -> RespaceQuerySet:
        return self.filter(client=client)

    def unfinished(self) -> RespaceQuerySet:
        """Those of which something is left to do."""
        return self.exclude(state=RespaceState.CLOSED)

    def moves(self) -> RespaceQuerySet:
        """Those that switch galleries."""
        return self.filter(only_fill=False)

    def computing(self) -> RespaceQuerySet:
        """Those with photographs that have not been tried yet."""
        return self.unfinished().filter(computed_at=None)

    def in_shadow(self) -> RespaceQuerySet:
        """Those whose space is complete and decides nothing yet: it can be compared with the present one."""
        return self.moves().filter(state=RespaceState.OPEN, computed_at__isnull=False)

    def reopen(self) -> int:
        """Compute again where photographs came in meanwhile that have no template in the new space."""
        from people.models import ReferenceImage

        later = ReferenceImage.objects.filter(person__client=OuterRef("client"), pk__gt=OuterRef("last_image_id"))
        lacking = later.without_template_in(OuterRef(OuterRef("space")))
        return self.unfinished().filter(Exists(lacking), computed_at__isnull=False).update(computed_at=None)


class RespacedImageQuerySet(ClaimedWorkQuerySet["RespacedImage"]):
    """Photographs of respaces."""


class FaceTemplateQuerySet(models.QuerySet["FaceTemplate"]):
    def of_client(self, client: Client) -> FaceTemplateQuerySet:
        return self.filter(client=client)

    def large(self, fewest: int) -> dict[tuple[int, str], int]:
        """How many templates each gallery has in each space, where these are `fewest` or more."""
        counted = self.order_by().values_list("gallery_id", "space").annotate(templates=Count("*"))
        return {(gallery, space): count for gallery, space, count in counted.filter(templates__gte=fewest)}

    def in_space(self, space: str) -> FaceTemplateQuerySet:
        return self.filter(space=space)

    def of_person(self, person: Person) -> FaceTemplateQuerySet:
        return self.filter(person=person)

    def vectors_of(self, reference_image_id: int) -> list[Rotated]:
        """The stored embeddings of a photograph; filter by space first."""
        return list(self.filter(reference_image_id=reference_image_id).values_list("embedding", flat=True))

    def in_galleries(self, gallery_ids: Iterable[int]) -> FaceTemplateQuerySet:
        return self.filter(gallery__in=list(gallery_ids))

    def in_any_of(self, galleries: GalleryQuerySet) -> FaceTemplateQuerySet:
        """Templates of all of these galleries, which the search itself looks up: no query comes before it.

        As an array the galleries are known before templates are read, so that the index leads to them.
        """
        ids = Func(ArraySubquery(galleries.order_by().values("pk")), function="ANY")
        of_these = Func(F("gallery_id"), ids, template="%(expressions)s", arg_joiner=" = ", output_field=BooleanField())
        return self.filter(of_these)

    def within(self, embeddings: Sequence[Rotated], *, metric: str, threshold: float) -> list[list[Neighbour]]:
        """For each embedding the people with a template within `threshold`, each once, closest first.

        Exact, in one query. Filter by client and space first: dimensions must agree, and an index on both leads to the
        rows. `metric` is one of `vision.distances.METRICS`.
        """
        try:
            templates, filters = self._columns().query.sql_with_params()
        except EmptyResultSet:  # no gallery at all is searched
            return [[] for _ in embeddings]
        sql = f"""
            SELECT probe.face, template.person_id, template.reference_image_id, template.gallery_id, compared.distance
            FROM unnest(%s::halfvec[]) WITH ORDINALITY AS probe (embedding, face),
                ({templates}) AS template,
                LATERAL (SELECT {DISTANCES[metric]} AS distance) AS compared
            WHERE compared.distance <= %s
            ORDER BY compared.distance, template.reference_image_id"""  # noqa: S608  constants and parameters only
        probes = [embedding.text for embedding in embeddings]
        best: list[dict[int, Neighbour]] = [{} for _ in embeddings]
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [probes, *filters, threshold])
            for face, *found in cursor:
                best[face - 1].setdefault(found[0], Neighbour(*found))
        return [list(people.values()) for people in best]

    def nearest(self, embedding: Rotated, *, metric: str, limit: int) -> list[Neighbour]:
        """The `limit` people nearest to an embedding, whatever their distance, each once, closest first. Exact."""
        wanted = SPARE * limit
        while True:
            rows = self.nearest_templates(embedding, metric=metric, limit=wanted)
            people = each_once(rows)
            if len(people) >= limit or len(rows) < wanted:
                return people[:limit]
            wanted *= SPARE

    def nearest_templates(self, embedding: Rotated, *, metric: str, limit: int) -> list[Neighbour]:
        """The `limit` templates nearest to an embedding, whosever they are, closest first.

        Exact: every template is compared. Filter first, as for `within`.
        """
        try:
            templates, filters = self._columns().query.sql_with_params()
        except EmptyResultSet:  # no gallery at all is searched
            return []
        # One probe per query: compared with a constant, the templates may be read by several processes at once.
        sql = f"""
            SELECT template.person_id, template.reference_image_id, template.gallery_id, {DISTANCES[metric]} AS distance
            FROM ({templates}) AS template, (SELECT %s::halfvec AS embedding) AS probe
            ORDER BY distance, template.reference_image_id LIMIT %s"""  # noqa: S608  constants and parameters only
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [*filters, embedding.text, limit])
            return [Neighbour(*row) for row in cursor]

    def nearest_by(self, index: SearchIndex, embedding: Rotated, *, metric: str, count: int) -> list[Neighbour]:
        """The `count` templates nearest to an embedding as the index finds them, closest first. Some may be missing.

        Filter by client, space and gallery of the index first. If the index is gone, every template is compared.
        """
        templates, filters = self._columns().query.sql_with_params()
        # The index is one of this expression, so that no query on the bare column is ever answered by it.
        halfvec = f"halfvec({int(index.dimensions)})"
        sql = f"""
            SELECT template.person_id, template.reference_image_id, template.gallery_id, {DISTANCES[metric]} AS distance
            FROM (
                SELECT * FROM ({templates}) AS stored
                ORDER BY stored.embedding::{halfvec} {OPERATORS[metric]} %s::{halfvec} LIMIT %s
            ) AS template, (SELECT %s::halfvec AS embedding) AS probe
            ORDER BY distance, template.reference_image_id"""  # noqa: S608  constants and parameters only
        probe = embedding.text
        with transaction.atomic(using=self.db, savepoint=False), connections[self.db].cursor() as cursor:
            # A plan for any gallery could not use the index of one.
            cursor.execute(
                "SELECT set_config('hnsw.ef_search', %s, true), set_config('plan_cache_mode', %s, true)",
                [str(max(index.ef_search, count)), "force_custom_plan"],
            )
            cursor.execute(sql, [*filters, probe, count, probe])
            return [Neighbour(*row) for row in cursor]

    def look_alikes(self, people: Sequence[int], *, metric: str, threshold: float, limit: int) -> list[Resemblance]:
        """For each template of these people the `limit` nearest ones of others within `threshold`. Exact.

        Filter first, as for `within`: both sides are among these templates.
        """
        templates, filters = self._columns().query.sql_with_params()
        # Read once for all probes: to look each of them up again takes twice as long.
        sql = f"""
            WITH template AS MATERIALIZED ({templates})
            SELECT probe.person_id, probe.reference_image_id, near.*
            FROM template AS probe, LATERAL (
                SELECT template.person_id, template.reference_image_id, compared.distance
                FROM template, LATERAL (SELECT {DISTANCES[metric]} AS distance) AS compared
                WHERE template.person_id <> probe.person_id AND compared.distance <= %s
                ORDER BY compared.distance, template.reference_image_id LIMIT %s
            ) AS near
            WHERE probe.person_id = ANY(%s)"""  # noqa: S608  constants and parameters only
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [*filters, threshold, limit, list(people)])
            return [Resemblance(*row) for row in cursor]

    def apart(self, people: Sequence[int], *, metric: str, threshold: float) -> list[tuple[int, int, float]]:
        """Of these people the photographs that are farther than `threshold` from all others of the same person.

        Each as person, photograph, and the distance to the nearest other one. Filter first, as for `within`.
        """
        templates, own = self.filter(person__in=list(people))._columns().query.sql_with_params()
        sql = f"""
            SELECT probe.person_id, probe.reference_image_id, min({DISTANCES[metric]})
            FROM ({templates}) AS probe JOIN ({templates}) AS template USING (person_id)
            WHERE probe.reference_image_id <> template.reference_image_id
            GROUP BY 1, 2 HAVING min({DISTANCES[metric]}) > %s"""  # noqa: S608  constants and parameters only
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [*own, *own, threshold])
            return list(cursor.fetchall())

    def _columns(self) -> models.QuerySet[FaceTemplate, Any]:
        return self.values("person_id", "reference_image_id", "gallery_id", "embedding")


def each_once(rows: Iterable[Neighbour]) -> list[Neighbour]:
    """The first row of each person, in the order of the rows."""
    people: dict[int, Neighbour] = {}
    for row in rows:
        people.setdefault(row.person_id, row)
    return list(people.values())


class SearchIndexQuerySet(models.QuerySet["SearchIndex"]):
    def usable(self, *, client: Client, kind: GalleryKind, space: str, metric: str) -> list[SearchIndex]:
        """Those by which the client's galleries of a kind can be searched in this space and metric."""
        if not settings.INDEX_FROM:
            return []
        # In SQL, because every search asks, and composing the query would take longer than its answer.
        sql = """
            SELECT search_index.* FROM people_searchindex AS search_index
            JOIN people_gallery AS gallery ON gallery.id = search_index.gallery_id
            WHERE gallery.client_id = %s AND gallery.kind = %s AND search_index.is_used
                AND search_index.space = %s AND search_index.operator = %s
            ORDER BY search_index.id"""
        return list(self.raw(sql, [client.pk, kind, space, OPERATORS[metric]]))


class FindingQuerySet(models.QuerySet[Any]):
    """What the health of a gallery has found about people, who may have moved to another one since."""

    def with_people(self, *people: str) -> FindingQuerySet:
        """Those whose people are still in the gallery, with these people. Names of fields."""
        still = {f"{person}__gallery": F("health__gallery") for person in people}
        return self.filter(**still).select_related(*people)


class CheckedPersonQuerySet(FindingQuerySet):
    def poor(self) -> CheckedPersonQuerySet:
        """People with poor photographs only, the worst first."""
        return self.exclude(reason="").order_by("recognisability", "person")

    def missing(self, health: GalleryHealth, limit: int) -> list[tuple[int, int, int]]:
        """The first people who were not compared yet by the templates that they have now.

        Each with the number of these and the highest id.
        """
        sql = """
            SELECT template.person_id, count(*), max(template.id)
            FROM people_facetemplate AS template
            LEFT JOIN people_checkedperson AS checked ON checked.person_id = template.person_id
            WHERE template.client_id = %s AND template.space = %s AND template.gallery_id = %s
            GROUP BY template.person_id, checked.person_id
            HAVING checked.person_id IS NULL OR checked.health_id <> %s OR checked.round <> %s
                OR checked.templates <> count(*) OR checked.last_template <> max(template.id)
            ORDER BY template.person_id LIMIT %s"""
        gallery = health.gallery
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [gallery.client_id, health.space, gallery.pk, health.pk, health.round, limit])
            return list(cursor.fetchall())
