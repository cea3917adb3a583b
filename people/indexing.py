"""Search indexes of large galleries: made in the background, measured against the exact search, dropped.

A gallery with `settings.INDEX_FROM` templates or more gets an approximate index (HNSW) of its own, over its templates
in the space that decides there. Searches use it once its recall is known to be high enough. Every other query stays
exact: the index is one of the expression `embedding::halfvec(n)`, which only `FaceTemplateQuerySet.nearest_by` names.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import numpy as np
from django.conf import settings
from django.db import DatabaseError, IntegrityError, OperationalError, connection
from django.db.models import Count, Max
from django.utils import timezone
from psycopg import sql
from psycopg.errors import DiskFull, InsufficientPrivilege, OutOfMemory

from calibration.services import default_operating_point
from people.models import INDEX_PREFIX, FaceTemplate, Gallery, SearchIndex
from people.neighbours import SearchedTemplates
from people.querysets import FaceTemplateQuerySet
from people.types import Neighbour
from vectors.stored import Rotated
from vision.distances import OPERATORS
from vision.engines import DEFAULT, engines
from vision.types import Space
from work.alone import alone

log = logging.getLogger(__name__)

LEAST_RECALL = 0.99
KEPT_FROM = 0.5  # of INDEX_FROM: a gallery that has shrunk below this loses its index
REBUILT_FROM = 0.02  # share of the templates that were erased since the recall was measured
MEASURED_FROM = 2.0  # growth since the recall was measured
RETRIED_AFTER = timedelta(days=1)  # an index that could not be made, or was not good enough
VACUUMED_AFTER = timedelta(days=1)
LINKS, CANDIDATES = 16, 64  # of a template while the index is made: m and ef_construction
SEARCHED = (200, 400, 800)  # candidates of a search (ef_search): the first number with enough recall is kept
MOST_DIMENSIONS = 4_000  # of an indexed halfvec
BYTES_OF_LINKS = 1_000  # in the memory of the build, for each template besides its vector
LEAST_MEMORY, MOST_MEMORY = 64 << 20, 2 << 30  # of the build, bytes
PROBES, NEAREST = 200, 10
MOVED = 0.5  # of the threshold of the space: from a template to the probe made of it, as to another photograph
ROUNDING = 1e-6
OPERATOR_CLASSES = {"<=>": "halfvec_cosine_ops", "<->": "halfvec_l2_ops"}
LOCK = 0x66616365  # the advisory lock of the process that tends the indexes

NO_RIGHTS = "The database user may not make indexes: it must own the table people_facetemplate."
NO_ROOM = "There is not enough memory or space on the disk of the database for the index."


def tend_search_indexes() -> None:
    """Make, renew and drop indexes so that they fit the galleries of now; one process at a time, others leave at once.

    It may take minutes, and takes no lock that a search or an enrolment waits for. What fails is kept as the `problem`
    of the gallery's index, and the gallery is searched exactly.
    """
    with alone(LOCK) as is_alone:
        if not is_alone:
            return
        sizes = _large_galleries()
        kept = [index.pk for index in SearchIndex.objects.all() if (index.gallery_id, index.space) in sizes]
        SearchIndex.objects.exclude(pk__in=kept).delete()
        may_make = _may_make_indexes()
        if may_make:
            _drop_leftovers()
        spaces = {space.name: space for space in engines.spaces().values()}
        for (gallery, name), templates in sizes.items():
            with suppress(IntegrityError):  # the gallery has been deleted meanwhile
                _tend(_row_of(gallery, spaces[name]), spaces[name], templates, may_make=may_make)
        if may_make and sizes:
            _vacuum()


def _large_galleries() -> dict[tuple[int, str], int]:
    """How many templates there are by gallery and the name of the space that decides in it, where these are enough."""
    if not settings.INDEX_FROM:
        return {}
    sizes = FaceTemplate.objects.large(max(1, int(settings.INDEX_FROM * KEPT_FROM)))
    indexed = set(SearchIndex.objects.values_list("gallery", flat=True))
    found = Gallery.objects.filter(pk__in=[gallery for gallery, _ in sizes]).values_list("pk", "space")
    enabled, default = {space.name for space in engines.spaces().values()}, engines[DEFAULT].space.name
    deciding = {(gallery, space or default) for gallery, space in found}
    return {
        key: templates
        for key, templates in sizes.items()
        if key in deciding and key[1] in enabled and (templates >= settings.INDEX_FROM or key[0] in indexed)
    }


def _row_of(gallery: int, space: Space) -> SearchIndex:
    made = {"space": space.name, "dimensions": space.dimensions, "operator": OPERATORS[space.metric]}
    return SearchIndex.objects.get_or_create(gallery_id=gallery, defaults=made)[0]


def _tend(index: SearchIndex, space: Space, templates: int, *, may_make: bool) -> None:
    try:
        if not may_make:
            _give_up(index, NO_RIGHTS, retry_at_once=True)
        elif index.dimensions > MOST_DIMENSIONS:
            _give_up(index, f"Vectors of more than {MOST_DIMENSIONS:,} numbers cannot be indexed.")
        elif index.tried_at and timezone.now() - index.tried_at < RETRIED_AFTER:
            pass
        elif not dict(_in_database()).get(index.name):
            _make(index, CREATE, templates)
            _measure(index, space)
        elif _erased(index) > REBUILT_FROM * index.templates:
            # Vectors of erased faces stay in the pages of an index. The old one serves until the new one is complete.
            _make(index, REBUILD, templates)
            _measure(index, space)
        elif not index.is_used or templates >= MEASURED_FROM * index.templates:
            _measure(index, space)
    except DatabaseError as error:
        _give_up(index, _reason(error))


def _erased(index: SearchIndex) -> int:
    """How many of the templates of the last measurement are gone."""
    return index.templates - _templates_of(index).filter(pk__lte=index.last_template).count()


def _give_up(index: SearchIndex, problem: str, *, retry_at_once: bool = False) -> None:
    if problem != index.problem:
        log.warning("Gallery %s is searched exactly. %s", index.gallery_id, problem)
    tried_at = None if retry_at_once else timezone.now()
    _store(index, is_used=False, problem=problem, tried_at=tried_at)


def _reason(error: DatabaseError) -> str:
    """Without PostgreSQL's own text, which may quote values."""
    cause = error.__cause__
    if isinstance(cause, InsufficientPrivilege):
        return NO_RIGHTS
    if isinstance(cause, (DiskFull, OutOfMemory)):
        return NO_ROOM
    return f"The database could not make the index ({type(cause or error).__name__})."


def _store(index: SearchIndex, **fields: Any) -> None:
    """Whether or not the row is still there."""
    SearchIndex.objects.filter(pk=index.pk).update(**fields)


def _templates_of(index: SearchIndex) -> FaceTemplateQuerySet:
    return FaceTemplate.objects.in_space(index.space).in_galleries([index.gallery_id])


# ---- in PostgreSQL ----------------------------------------------------------------------------------------------
CREATE = sql.SQL(
    "CREATE INDEX CONCURRENTLY {name} ON people_facetemplate"
    " USING hnsw ((embedding::halfvec({dimensions})) {operator_class})"
    " WITH (m = {links}, ef_construction = {candidates}) WHERE gallery_id = {gallery} AND space = {space}"
)
REBUILD = sql.SQL("REINDEX INDEX CONCURRENTLY {name}")


def _make(index: SearchIndex, statement: sql.SQL, templates: int) -> None:
    """Build the index, with several processes where the database has shared memory for that."""
    composed = statement.format(
        name=sql.Identifier(index.name),
        dimensions=sql.Literal(index.dimensions),
        operator_class=sql.Identifier(OPERATOR_CLASSES[index.operator]),
        links=sql.Literal(LINKS),
        candidates=sql.Literal(CANDIDATES),
        gallery=sql.Literal(index.gallery_id),
        space=sql.Literal(index.space),
    )
    memory = templates * (2 * index.dimensions + BYTES_OF_LINKS)
    kilobytes = min(max(memory, LEAST_MEMORY), MOST_MEMORY) >> 10
    started = monotonic()
    with _session(maintenance_work_mem=f"{kilobytes}kB", statement_timeout="0", lock_timeout="0"):
        try:
            _execute(composed)
        except OperationalError as error:
            if not isinstance(error.__cause__, (DiskFull, OutOfMemory)):
                raise
            _drop_leftovers()
            with _session(max_parallel_maintenance_workers="0"):
                _execute(composed)
    [[size]] = _query("SELECT pg_relation_size(%s::regclass)", index.name)
    _store(index, built_at=timezone.now(), build_seconds=monotonic() - started, size=size)


def _drop_leftovers() -> None:
    """Indexes of galleries that have none any more, and what a build left that was stopped."""
    names = {index.name for index in SearchIndex.objects.all()}
    for name, is_valid in _in_database():
        if name not in names or not is_valid:
            _drop(name)


def _drop(name: str) -> None:
    _execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


def _in_database() -> list[tuple[str, bool]]:
    """Names of the search indexes that PostgreSQL has, and whether each is complete."""
    return _query(
        "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE indrelid = 'people_facetemplate'::regclass AND starts_with(relname, %s)",
        INDEX_PREFIX,
    )


def _may_make_indexes() -> bool:
    [[owns]] = _query("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'people_facetemplate'::regclass")
    return bool(owns)


def _vacuum() -> None:
    """Once a day: vectors of erased faces that are too few for a new index are wiped from its pages.

    Autovacuum leaves them there while they are few.
    """
    [[vacuumed_at]] = _query(
        "SELECT last_vacuum FROM pg_stat_user_tables WHERE relid = 'people_facetemplate'::regclass"
    )
    if vacuumed_at is None or timezone.now() - vacuumed_at > VACUUMED_AFTER:
        with _session(statement_timeout="0"):
            _execute(sql.SQL("VACUUM (INDEX_CLEANUP ON) people_facetemplate"))


@contextmanager
def _session(**parameters: str) -> Iterator[None]:
    """The session with these parameters, which statements that run in no transaction need."""
    for name, value in parameters.items():
        _query("SELECT set_config(%s, %s, false)", name, value)
    try:
        yield
    finally:
        for name in parameters:
            _execute(sql.SQL("RESET {}").format(sql.Identifier(name)))


def _query(statement: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _execute(statement: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


# ---- recall -----------------------------------------------------------------------------------------------------
def _measure(index: SearchIndex, space: Space) -> None:
    """Compare searches by the index with exact ones. Only with enough recall is the index used; else it is dropped."""
    own = _templates_of(index).of_client(index.gallery.client)
    point = default_operating_point(space=space)
    counted = own.aggregate(templates=Count("*"), last_template=Max("pk"))
    probes = _probes(own, space)
    if not probes:  # everyone has been erased meanwhile
        return
    exact = [own.nearest(probe, metric=space.metric, limit=NEAREST) for probe in probes]
    for ef_search in SEARCHED:
        index.ef_search = ef_search
        searched = SearchedTemplates(own, own.none(), [index], space.metric)
        recall = recall_of([searched.nearest(probe, limit=NEAREST) for probe in probes], exact, point.threshold)
        if recall.is_enough:
            break
    shares = {"recall": recall.matches, "recall_first": recall.first, "recall_nearest": recall.nearest}
    _store(index, ef_search=ef_search, **shares, templates=counted["templates"], last_template=counted["last_template"])
    if recall.is_enough:
        _store(index, is_used=True, problem="", tried_at=None)
    else:
        found = f"{recall.first:.3f} of the people searched for, and {recall.matches:.3f} of all matches"
        _give_up(index, f"The index finds {found}; {LEAST_RECALL} is required.")
        _drop(index.name)


def _probes(templates: FaceTemplateQuerySet, space: Space) -> list[Rotated]:
    """Some of the templates, chosen by chance, each moved in a random direction."""
    chosen = templates.order_by("?").values_list("embedding", flat=True)[:PROBES]
    metric = "euclidean" if space.metric == "euclidean" else "cosine"
    far = MOVED * default_operating_point(space=space, metric=metric).threshold
    random = np.random.default_rng()
    probes = []
    for vector in (stored.numbers for stored in chosen):
        move = random.normal(size=vector.shape)
        length = far
        if metric == "cosine":
            length = float(np.linalg.norm(vector)) * math.sqrt((1 - far) ** -2 - 1)
        probes.append(Rotated.of(vector + move * length / np.linalg.norm(move)))
    return probes


@dataclass(frozen=True)
class Recall:
    """What searches by an index find of what exact ones find, 0 to 1."""

    first: float  # the nearest person
    matches: float  # the `NEAREST` nearest people, as far as they are within the threshold
    nearest: float  # the same, however far

    @property
    def is_enough(self) -> bool:
        return min(self.first, self.matches) >= LEAST_RECALL


def recall_of(found: Sequence[Sequence[Neighbour]], exact: Sequence[Sequence[Neighbour]], threshold: float) -> Recall:
    """Of each search: the people found by the index, and the nearest ones. Another at the same distance counts too."""
    matches = [[one for one in near if one.distance <= threshold] for near in exact]
    return Recall(_share(found, [near[:1] for near in exact]), _share(found, matches), _share(found, exact))


def _share(found: Sequence[Sequence[Neighbour]], wanted: Sequence[Sequence[Neighbour]]) -> float:
    hits = [
        sum(one.distance <= near[-1].distance + ROUNDING for one in some[: len(near)])
        for some, near in zip(found, wanted, strict=True)
        if near
    ]
    return sum(hits) / max(sum(map(len, wanted)), 1)
