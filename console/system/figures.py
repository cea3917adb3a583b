"""What the service is doing at this moment: work that waits, recurring tasks, storage, engines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from clients.models import Client
from clients.quotas import Quota, limit_of, use_of
from console.system.remembered import remembered
from console.system.words import duration
from console.times import ago
from errors import Unavailable
from storage.disks import disks
from telemetry.models import RecurringTask
from vision.engines.overview import EngineState, ModelState, overview
from work.queues import BULK, INTERACTIVE, PATIENT, queue_length
from work.services import backlogs


@dataclass(frozen=True)
class Waiting:
    """Work of one kind; `oldest` is how long some of it has been waiting, in words."""

    title: str
    count: int
    oldest: str


@dataclass(frozen=True)
class Recurring:
    """`last`: when it ended well, as "5 minutes ago"; empty if it never did. `problem`: what is wrong, if anything."""

    title: str
    last: str
    problem: str


@dataclass(frozen=True)
class Store:
    """Bytes, and `limit` as whoever set it meant it; None for none, or for what nobody knows."""

    title: str
    used: int | None
    limit: int | None


@dataclass(frozen=True)
class Engine:
    """An enabled engine with the card of its recognition model."""

    state: EngineState
    model: ModelState | None


def waiting() -> list[Waiting]:
    """Of the clients whose rows the database shows."""
    titles = {
        "recognition.processedimage": _("Images to be screened"),
        "albums.albumimage": _("Images of albums"),
        "people.respacedimage": _("Photographs for another model"),
        "training.recogniser": _("Recognisers to be trained"),
        "recognition.facesearch": _("Searches that follow an erasure"),
    }
    found = {one.kind: one for one in backlogs()}
    return [
        Waiting(title, found[kind].count, duration(found[kind].seconds if found[kind].count else None))
        for kind, title in titles.items()
    ]


def queues() -> list[tuple[str, int]]:
    """Messages of all clients in the workers' queues; none if the queue does not answer."""
    titles = {
        INTERACTIVE: _("For callers who wait"),
        PATIENT: _("For callers who can wait longer"),
        BULK: _("For jobs"),
    }
    try:
        return [(title, queue_length(queue)) for queue, title in titles.items()]
    except Unavailable:
        return []


def recurring() -> list[Recurring]:
    """When each task last ended well. It is late if that was longer ago than it may ever be."""
    hour, day = timedelta(hours=1), timedelta(hours=25)
    tasks = {
        "work.tasks.sweep": (_("Picking up work that was left behind"), timedelta(minutes=5)),
        "audit.tasks.seal": (_("Sealing the audit"), timedelta(minutes=5)),
        "recognition.tasks.purge": (_("Purge of screened images"), day),
        "albums.tasks.purge": (_("Purge of albums"), day),
        "people.tasks.purge": (_("Purge of reference photographs"), day),
        "liveness.tasks.purge": (_("Purge of liveness sessions"), hour),
        "blacklist.tasks.purge": (_("Purge of photographs that were not saved"), hour),
    }
    rows = RecurringTask.objects.in_bulk(list(tasks))
    return [_recurring(title, most, rows.get(name)) for name, (title, most) in tasks.items()]


def _recurring(title: str, most: timedelta, row: RecurringTask | None) -> Recurring:
    done = row.succeeded_at if row else None
    last = ago(done) if done else ""
    if row and row.failed_at and (done is None or row.failed_at > done):
        return Recurring(title, last, _("failed the last time"))
    return Recurring(title, last, _("late") if done and timezone.now() - done > most else "")


def storage(client: Client, *, is_administrator: bool) -> list[Store]:
    """The client's files, and for administrators the disks of the machine."""
    used = remembered(f"console.stored.{client.pk}", lambda: use_of(client, Quota.STORED_BYTES).used)
    limit = limit_of(client, Quota.STORED_BYTES)
    stores = [Store(_("Images of %(client)s") % {"client": client.name}, used, limit)]
    if is_administrator:
        titles = {"media": _("Disk with images"), "var": _("Disk with the database")}
        stores += [Store(titles[name], room.size - room.free, room.size) for name, room in disks().items()]
    return stores


def running_engines() -> list[Engine]:
    found = overview()
    cards = {state.card.name: state for state in found.models if state.card.kind == "recogniser"}
    return [Engine(state, cards.get(state.model)) for state in found.engines]
