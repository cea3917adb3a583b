"""Questions about jobs and processed images."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connections, models
from django.db.models import Aggregate, Count, Exists, F, OuterRef, Q
from django.db.models.functions import Extract, TruncHour
from django.utils import timezone

from calibration.types import Decision
from clients.retention import expired
from vectors.stored import Rotated
from vision.distances import DISTANCES
from work.models import UNFINISHED, Status
from work.querysets import ClaimedWorkQuerySet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from calibration.types import OperatingPoint
    from clients.models import Client
    from recognition.models import FaceSearch
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
        matches = apps.get_model("recognition", "Match").objects.select_related("reference_image", "entry")
        return self.prefetch_related(models.Prefetch("faces__matches", matches))

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

    def with_match_of(self, entry_id: int) -> ProcessedImageQuerySet:
        """Images in which one blacklist entry was found."""
        return self.filter(Exists(_matches().filter(entry=entry_id)))

    def with_match_of_name(self, part: str) -> ProcessedImageQuerySet:
        """Images in which a blacklist entry was found whose name contains `part`."""
        return self.filter(Exists(_matches().filter(entry__name__icontains=part)))

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
    def decided(self) -> MatchQuerySet:
        """Without those that are for review only."""
        return self.filter(decision=Decision.MATCH)

    def since(self, moment: datetime) -> MatchQuerySet:
        """Of images that came since then."""
        return self.filter(face__image__created_at__gte=moment)

    def by_hour(self, since: datetime) -> models.QuerySet[Any, dict[str, Any]]:
        """How many `hits` each hour (UTC) has, by the arrival of the image."""
        rows = self.since(since).order_by().values(hour=TruncHour("face__image__created_at", tzinfo=UTC))
        return rows.annotate(hits=Count("pk"))


def _matches() -> models.QuerySet[Any]:
    """Those of the image in the outer query."""
    matches: MatchQuerySet = apps.get_model("recognition", "Match").objects.decided()
    return matches.filter(face__image=OuterRef("pk"))


class ProcessedFaceQuerySet(models.QuerySet["ProcessedFace"]):
    def like(self, client_id: int, space: str, probes: Sequence[Rotated], point: OperatingPoint) -> set[int]:
        """Ids of the client's recognisable faces with a kept embedding within the point of one of the probes."""
        sql = f"""
            SELECT template.id FROM recognition_processedface AS template
            JOIN recognition_processedimage AS image ON image.id = template.image_id,
                (SELECT %s::halfvec AS embedding) AS probe
            WHERE image.client_id = %s AND template.space = %s AND template.embedding IS NOT NULL
                AND {DISTANCES[point.metric]} <= %s"""  # noqa: S608  constants and parameters only
        found: set[int] = set()
        with connections[self.db].cursor() as cursor:
            for probe in probes:
                cursor.execute(sql, [probe.text, client_id, space, point.threshold])
                found.update(face for (face,) in cursor)
        return found


class FaceSearchQuerySet(ClaimedWorkQuerySet["FaceSearch"]):
    """Questions about searches."""
