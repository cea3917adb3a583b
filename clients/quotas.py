"""How much a client may store, and how many images it may send in a day.

Rows are counted where they are numbered, and the sizes of their files are added up there: the client's counter is
locked then, so that a quota is exact whoever stores at the same time. Before that, services ask `require_room` in order
to refuse without any work. Everything is counted only when the counter leaves it open whether there is room: what was
there when it was counted last, and what has been added since, is never too little.

Images are counted in Redis, by the day of UTC. Those of a call that the service failed to carry out are given back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NoReturn

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Sum
from redis.exceptions import RedisError

from clients.exceptions import ImagesUsedUp, StorageUsedUp, TooManyPeople, TooManyTemplates
from clients.models import Client, Counter
from vision import dispatch

MEGABYTE = 1_000_000
KEPT = 2 * 86_400  # seconds that a day's count is kept
STORED = "stored bytes"  # the counter of the bytes of all files that a client has ever stored
# KEYS: the day's count. ARGV: images, limit (0: none), seconds. Counts all of them or none; answers 0 for none.
TAKE = """
local limit = tonumber(ARGV[2])
if limit > 0 and tonumber(redis.call('GET', KEYS[1]) or '0') + tonumber(ARGV[1]) > limit then return 0 end
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
# The same without the limit: gives back what was counted, as far as Redis still knows of it.
GIVE_BACK = """
local given = math.min(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
if given > 0 then redis.call('DECRBY', KEYS[1], given) end
"""
log = logging.getLogger(__name__)
_taken: ContextVar[list[tuple[str, int]] | None] = ContextVar("taken", default=None)  # by the current request


class Quota(StrEnum):
    """What is limited, by the names of the API."""

    PEOPLE = "people"
    TEMPLATES = "templates"
    STORED_BYTES = "stored_bytes"
    IMAGES_TODAY = "images_today"


LIMITS = {  # the client's own limit, and the deployment's setting
    Quota.PEOPLE: ("max_people", "MAX_PEOPLE"),
    Quota.TEMPLATES: ("max_templates", "MAX_TEMPLATES"),
    Quota.STORED_BYTES: ("max_stored_mb", "MAX_STORED_MB"),
    Quota.IMAGES_TODAY: ("max_images_a_day", "MAX_IMAGES_A_DAY"),
}


@dataclass(frozen=True)
class Use:
    """How much of a quota is used. `used` is None if it is not known, `limit` if there is none."""

    used: int | None
    limit: int | None


class WithFile(models.Model):
    """A numbered row whose file, the column `image`, counts towards the client's stored bytes.

    The size is 0 without a file and, until the nightly purge, for files stored before sizes were recorded.
    """

    stored_bytes = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        abstract = True


# ---- limits and use -----------------------------------------------------------------------------------------------
def limit_of(client: Client, quota: Quota) -> int | None:
    """In people, templates, bytes or images; None for no limit."""
    field, setting = LIMITS[quota]
    own = getattr(client, field)
    limit = getattr(settings, setting) if own is None else own
    return limit * (MEGABYTE if quota == Quota.STORED_BYTES else 1) or None


def usage_of(client: Client) -> dict[Quota, Use]:
    """What the client uses now of each quota."""
    return {quota: use_of(client, quota) for quota in Quota}


def use_of(client: Client, quota: Quota) -> Use:
    """What the client uses now of one quota."""
    return Use(_used(client, quota), limit_of(client, quota))


def _used(client: Client, quota: Quota) -> int | None:
    if quota == Quota.IMAGES_TODAY:
        return _images_of_today(client)
    return _stored_bytes(client) if quota == Quota.STORED_BYTES else _rows(client, quota)


def _rows(client: Client, quota: Quota) -> int:
    return sum(kind._base_manager.filter(**{kind.owner: client.pk}).count() for kind in _kinds(quota))


def _kinds(quota: Quota) -> list[Any]:
    return [model for model in apps.get_models() if vars(model).get("quota") == quota]


def _stored_bytes(client: Client) -> int:
    kinds: list[Any] = [model for model in apps.get_models() if issubclass(model, WithFile)]
    first, *others = (
        kind._base_manager.filter(**{kind.owner: client.pk})
        .exclude(image="")
        .order_by()
        .values(kind.owner)
        .annotate(size=Sum("stored_bytes"))
        .values_list("size", flat=True)
        for kind in kinds
    )
    return sum(map(int, first.union(*others, all=True)))


# ---- what is stored -----------------------------------------------------------------------------------------------
def require_room(client: Client, *, people: int = 0, templates: int = 0, stored_bytes: int = 0) -> None:
    """Whether the client may store so much more, asked before any work; it is asked again when the rows are stored.

    Raises `TooManyPeople`, `TooManyTemplates` or `StorageUsedUp`.
    """
    _require(client, Quota.PEOPLE, people)
    _require(client, Quota.TEMPLATES, templates)
    _require(client, Quota.STORED_BYTES, stored_bytes)


def require_room_for(rows: Sequence[Any]) -> None:
    """`require_room` for new rows of one kind and client, for which their counter has moved on."""
    kind = type(rows[0])
    size = sum(row.stored_bytes for row in rows) if issubclass(kind, WithFile) else 0
    if not (kind.quota or size):
        return
    client = Client.objects.filter(pk=rows[0].owner_id).first()
    if client is None:  # erased meanwhile: the database refuses the rows
        return
    if kind.quota:
        _require(client, kind.quota, len(rows), has_moved=True)
    if size:
        Counter.objects.advance(client.pk, STORED, size)
        _require(client, Quota.STORED_BYTES, size, has_moved=True)


def _require(client: Client, quota: Quota, more: int, *, has_moved: bool = False) -> None:
    """`has_moved`: the caller has locked the counter, which contains the new ones already."""
    limit = limit_of(client, quota)
    if not more or limit is None:
        return
    counter = Counter.objects.filter(client=client, kind=_counter_of(quota)).first()
    at_most = counter.at_most if counter else None
    if at_most is not None and at_most + (0 if has_moved else more) <= limit:
        return
    used = _used(client, quota) or 0
    if used + more > limit:
        _refuse(quota, limit)
    if counter and has_moved:
        Counter.objects.filter(pk=counter.pk).update(used=used, used_at=counter.last - more)


def _counter_of(quota: Quota) -> str:
    return STORED if quota == Quota.STORED_BYTES else str(_kinds(quota)[0].counted_as)


def recount_files() -> None:
    """To be called when sizes have changed of files that are stored already."""
    Counter.objects.filter(kind=STORED).update(used=None, used_at=None)


def _refuse(quota: Quota, limit: int) -> NoReturn:
    if quota == Quota.PEOPLE:
        raise TooManyPeople(f"This client may have {limit:,} people, blacklist entries included. Erase some first.")
    if quota == Quota.TEMPLATES:
        raise TooManyTemplates(f"This client may have {limit:,} reference images. Delete some first.")
    raise StorageUsedUp(f"This client may store {limit:,} bytes of images. Nothing was stored; delete some first.")


# ---- images a day -------------------------------------------------------------------------------------------------
def take_images(client: Client, count: int) -> None:
    """Count images that are about to be analysed or accepted. Raises `ImagesUsedUp`; then none of them is counted.

    While Redis is away nobody is counted or refused, and the log says so.
    """
    limit, key = limit_of(client, Quota.IMAGES_TODAY), _key(client)
    try:
        taken = not count or _take()([key], [count, limit or 0, KEPT])
    except RedisError as error:
        log.warning("Images are not counted: %s", type(error).__name__)
        return
    if not taken:
        _refuse_images(limit or 0)
    if (by_request := _taken.get()) is not None:
        by_request.append((key, count))


@contextmanager
def returnable() -> Iterator[Callable[[], None]]:
    """For one request: gives a function that gives back the images that are counted within it."""
    token = _taken.set([])
    try:
        yield _give_back
    finally:
        _taken.reset(token)


def _give_back() -> None:
    for key, count in _taken.get() or []:
        try:
            _return()([key], [count])
        except RedisError as error:
            log.warning("Images of a failed call remain counted: %s", type(error).__name__)


def require_images(client: Client) -> None:
    """Whether the client may send another image today; nothing is counted. Raises `ImagesUsedUp`."""
    limit = limit_of(client, Quota.IMAGES_TODAY)
    if limit is not None and (_images_of_today(client) or 0) >= limit:
        _refuse_images(limit)


def _refuse_images(limit: int) -> NoReturn:
    message = f"This client may send {limit:,} images a day, from midnight to midnight UTC."
    raise ImagesUsedUp(message, retry_after=_seconds_until_midnight())


def _images_of_today(client: Client) -> int | None:
    try:
        return int(dispatch.counters().get(_key(client)) or 0)
    except RedisError as error:
        log.warning("The images of today are not known: %s", type(error).__name__)
        return None


def _key(client: Client) -> str:
    return f"faceapp:images:{client.pk}:{_now():%Y-%m-%d}"


def _seconds_until_midnight() -> int:
    now = _now()
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight - now).total_seconds()) + 1


def _now() -> datetime:
    return datetime.now(UTC)


@lru_cache(maxsize=1)
def _return() -> Callable[..., Any]:
    return dispatch.counters().register_script(GIVE_BACK)


@lru_cache(maxsize=1)
def _take() -> Callable[..., Any]:
    return dispatch.counters().register_script(TAKE)
