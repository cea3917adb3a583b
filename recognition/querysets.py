"""Questions about jobs and processed images."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connections, models
from django.db.models import Aggregate, Count, Exists, F, Max, OuterRef, Q, Window
from django.db.models.functions import Extract, RowNumber, TruncHour
from django.utils import timezone

from calibration.types import Decision
from clients.retention import expired
from recognition.types import ReviewState
from vectors.stored import Rotated
from vision.distances import DISTANCES
from work.models import UNFINISHED, Status
from work.querysets import ClaimedWorkQuerySet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from calibration.types import OperatingPoint
    from clients.models import Client
    from recognition.models import FaceSearch, Match
    from vision.types import Analysis

# Rows are locked in the order of their ids, as `services.cancel_job` locks them: the two cannot block each other.
FINISH = """
    WITH held AS (
        SELECT id FROM recognition_processedimage WHERE id = ANY(%s) AND status = %s AND claim = %s
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE recognition_processedimage AS image
    SET status = %s, finished_at = %s, threshold = %s, false_match_rate = %s, people = %s,
        milliseconds = analysed.milliseconds, width = analysed.width, height = analysed.height
    FROM held JOIN unnest(%s::bigint[], %s::float8[], %s::int[], %s::int[])
        AS analysed (id, milliseconds, width, height) USING (id)
    WHERE image.id = held.id
    RETURNING image.id"""


class Percentiles(Aggregate):
    """The values below which half, and 95 of 100, of the rows lie: a list of two; None without rows."""

    function = "percentile_cont"
    template = "%(function)s(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = ArrayField(models.FloatField())


class JobQuerySet(models.QuerySet["Job"]):
    def of_client(self, client: Client) -> JobQuerySet:
        return self.filter(client=client)

    def with_progress(self) -> JobQuerySet:
        """Annotates `total`, `done` (finished, successfully or not), `failed` and `running`.

        A grouped query loses the model's ordering, so it is named again.
        """
        return self.annotate(
            total=Count("images"),
            done=Count("images", filter=~Q(images__status__in=UNFINISHED)),
            failed=Count("images", filter=Q(images__status=Status.FAILED)),
            running=Count("images", filter=Q(images__status=Status.PROCESSING)),
        ).order_by(*self.model._meta.ordering or ())


class ProcessedImageQuerySet(ClaimedWorkQuerySet["ProcessedImage"]):
    def of_client(self, client: Client) -> ProcessedImageQuerySet:
        return self.filter(client=client)

    def in_queue(self, queue: str) -> ProcessedImageQuerySet:
        return self.filter(job__queue=queue)

    def finish_analysed(self, analyses: Mapping[int, Analysis], point: OperatingPoint, *, task_id: str) -> set[int]:
        """`ProcessedImage.finish` for images by their ids, in one UPDATE, with the point at which they were decided.

        Returns the ids that the task still held.
        """
        ids = list(analyses)
        parameters: list[Any] = [ids, Status.PROCESSING, task_id, Status.DONE, timezone.now()]
        parameters += [point.threshold, point.false_match_rate, point.people, ids]
        parameters += [
            [getattr(one, name) for one in analyses.values()] for name in ("milliseconds", "width", "height")
        ]
        with connections[self.db].cursor() as cursor:
            cursor.execute(FINISH, parameters)
            return {image_id for (image_id,) in cursor}

    def with_results(self) -> ProcessedImageQuerySet:
        """Everything that a result shows, in a fixed number of queries."""
        matches = apps.get_model("recognition", "Match").objects.select_related("reference_image", "entry__gallery")
        faces = apps.get_model("recognition", "ProcessedFace").objects.defer("embedding")
        return self.select_related("job").prefetch_related(
            models.Prefetch("faces", faces), models.Prefetch("faces__matches", matches)
        )

    def to_be_searched(self, search: FaceSearch) -> ProcessedImageQuerySet:
        """Stored images in which a search has still to look, in the order of their ids.

        Those whose embeddings were kept have been searched by them, unless they were stored after the search began.
        """
        kept = apps.get_model("recognition", "ProcessedFace").objects.filter(
            image=OuterRef("pk"), embedding__isnull=False
        )
        left = self.filter(client=search.client_id, pk__gt=search.last_image, pk__lte=search.until_image)
        unsearched = ~Exists(kept) | Q(finished_at__gte=search.created_at)
        return left.exclude(image="").filter(unsearched).order_by("pk")

    def with_match(self) -> ProcessedImageQuerySet:
        """Annotates `has_match`."""
        return self.annotate(has_match=Exists(_matches()))

    def matched(self, *, leaving: bool = False) -> ProcessedImageQuerySet:
        """Images in which anybody on the blacklist was found; `leaving`: by hits that may leave the service."""
        return self.filter(Exists(_matches(leaving=leaving)))

    def undecided(self, *, leaving: bool = False) -> ProcessedImageQuerySet:
        """`matched` by a hit that nobody has decided yet."""
        return self.filter(Exists(_matches(leaving=leaving).filter(state=ReviewState.OPEN)))

    def with_match_of(self, entry_id: int) -> ProcessedImageQuerySet:
        """Images in which one blacklist entry was found."""
        return self.filter(Exists(_matches().filter(entry=entry_id)))

    def with_match_of_name(self, part: str, *, leaving: bool = False) -> ProcessedImageQuerySet:
        """`matched` by a blacklist entry whose name contains `part`."""
        return self.filter(Exists(_matches(leaving=leaving).filter(entry__name__icontains=part)))

    def by_hour(self, since: datetime) -> models.QuerySet[Any, dict[str, Any]]:
        """For each hour (UTC) with images since then: `images`, how many of them `failed`, and `seconds`.

        `seconds` are `Percentiles` of the time from the image's arrival to its result.
        """
        screened = Q(status=Status.DONE, finished_at__isnull=False)
        took = Extract(F("finished_at") - F("created_at"), "epoch")
        rows = self.filter(created_at__gte=since).order_by().values(hour=TruncHour("created_at", tzinfo=UTC))
        return rows.annotate(
            images=Count("pk"),
            failed=Count("pk", filter=Q(status=Status.FAILED)),
            seconds=Percentiles(took, filter=screened),
        )

    def expired(self, *, default_days: int) -> ProcessedImageQuerySet:
        """Finished images past the retention of their client (days; 0 keeps them) or else of the deployment."""
        return expired(self.finished(), days="client__retention_days", default_days=default_days)


class MatchQuerySet(models.QuerySet["Match"]):
    def of_client(self, client: Client) -> MatchQuerySet:
        return self.filter(client=client)

    def without_reviews(self) -> MatchQuerySet:
        """Without those that are for review only."""
        return self.filter(decision=Decision.MATCH)

    def may_leave(self) -> MatchQuerySet:
        """Those of which `Match.may_leave` holds."""
        return self.filter(Q(state=ReviewState.CONFIRMED) | Q(entry__gallery__two_person_review=False))

    def waiting_for(self, user_id: int | None) -> MatchQuerySet:
        """Open hits that wait for a verdict of this person, in the order of the queue."""
        judged_by_two = apps.get_model("people", "Gallery").objects.filter(two_person_review=True)
        own = apps.get_model("recognition", "Verdict").objects.filter(match=OuterRef("pk"), user=user_id, counts=True)
        given = own.filter(match__entry__gallery__two_person_review=True)  # otherwise it has no effect any more
        # The first question is asked once, and spares the other one for each hit where one person judges.
        return self.filter(~Exists(judged_by_two) | ~Exists(given), state=ReviewState.OPEN).order_by(
            "-found_on", "entry", "id"
        )

    def after(self, match: Match) -> MatchQuerySet:
        """Those that come later in the order of the queue."""
        same_day = Q(entry__gt=match.entry_id) | Q(entry=match.entry_id, pk__gt=match.pk)
        later = Q(found_on__lt=match.found_on) | Q(same_day, found_on=match.found_on)
        return self.filter(later, found_on__lte=match.found_on)  # the index begins there

    def before(self, match: Match) -> MatchQuerySet:
        """Those that come earlier, the nearest first."""
        same_day = Q(entry__lt=match.entry_id) | Q(entry=match.entry_id, pk__lt=match.pk)
        earlier = Q(found_on__gt=match.found_on) | Q(same_day, found_on=match.found_on)
        return self.filter(earlier, found_on__gte=match.found_on).order_by("found_on", "-entry", "-id")

    def by_entry_and_day(self) -> models.QuerySet[Any, dict[str, Any]]:
        """Dicts of `found_on`, `entry`, `hits`, and the largest id as `last`, the newest day first."""
        groups = self.order_by().values("found_on", "entry")
        return groups.annotate(hits=Count("pk"), last=Max("pk")).order_by("-found_on", "entry")

    def first_of_each(self, count: int) -> MatchQuerySet:
        """Up to `count` of each entry and day."""
        rank = Window(RowNumber(), partition_by=[F("found_on"), F("entry")], order_by="pk")
        return self.annotate(rank=rank).filter(rank__lte=count)

    def with_context(self) -> MatchQuerySet:
        """With the entry, its gallery, the photograph and the screened image."""
        return self.select_related("entry__gallery", "reference_image", "face__image")

    def dismissed_near(self, entries: Sequence[int], space: str, probe: Rotated, metric: str) -> dict[int, float]:
        """By entry, the distance of the nearest face that people have dismissed and whose embedding was kept."""
        sql = f"""
            SELECT match.entry_id, min({DISTANCES[metric]}) FROM recognition_match AS match
            JOIN recognition_processedface AS template ON template.id = match.face_id,
                (SELECT %s::halfvec AS embedding) AS probe
            WHERE match.entry_id = ANY(%s) AND match.state = %s AND template.space = %s
                AND template.embedding IS NOT NULL
            GROUP BY match.entry_id"""  # noqa: S608  constants and parameters only
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [probe.text, list(entries), ReviewState.DISMISSED, space])
            return dict(cursor)

    def since(self, moment: datetime) -> MatchQuerySet:
        """Of images that came since then.

        No hit is found before its image came: their days, in whichever time zone, spare a look at most images.
        """
        first = timezone.localdate(moment) - timedelta(days=1)
        return self.filter(found_on__gte=first, face__image__created_at__gte=moment)

    def by_hour(self, since: datetime) -> models.QuerySet[Any, dict[str, Any]]:
        """How many `hits` each hour (UTC) has, by the arrival of the image."""
        rows = self.since(since).order_by().values(hour=TruncHour("face__image__created_at", tzinfo=UTC))
        return rows.annotate(hits=Count("pk"))


def _matches(*, leaving: bool = False) -> MatchQuerySet:
    """Those of the image in the outer query."""
    matches: MatchQuerySet = apps.get_model("recognition", "Match").objects.without_reviews()
    return (matches.may_leave() if leaving else matches).filter(face__image=OuterRef("pk"))


class ProcessedFaceQuerySet(models.QuerySet["ProcessedFace"]):
    def with_embedding(self, client_id: int, space: str) -> ProcessedFaceQuerySet:
        """The client's faces whose embeddings were kept."""
        return self.filter(client=client_id, space=space, embedding__isnull=False)

    def like(self, client_id: int, space: str, probes: Sequence[Rotated], point: OperatingPoint) -> set[int]:
        """Ids of the client's recognisable faces with a kept embedding within the point of one of the probes."""
        return {
            face
            for probe in probes
            for face, _ in self.nearest(client_id, space, probe, metric=point.metric, reach=point.threshold)
        }

    def nearest(
        self, client_id: int, space: str, probe: Rotated, *, metric: str, reach: float, limit: int | None = None
    ) -> list[tuple[int, float]]:
        """Ids of the client's faces with a kept embedding within `reach` of the probe, and distances, closest first.

        Exact: every kept embedding is compared.
        """
        sql = f"""
            SELECT id, distance FROM (
                SELECT template.id, {DISTANCES[metric]} AS distance FROM recognition_processedface AS template,
                    (SELECT %s::halfvec AS embedding) AS probe
                WHERE template.client_id = %s AND template.space = %s AND template.embedding IS NOT NULL
            ) AS face WHERE distance <= %s ORDER BY distance, id LIMIT %s"""  # noqa: S608  constants and parameters only
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [probe.text, client_id, space, reach, limit])
            return list(cursor)


class FaceSearchQuerySet(ClaimedWorkQuerySet["FaceSearch"]):
    """Questions about searches."""
