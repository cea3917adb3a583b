"""Services of a CompreFace server as services of ours: the gallery of each, and the key by which callers know it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from clients.models import Client
from compat.compreface.exceptions import KeyTaken, WeakKey
from compat.compreface.models import Service
from compat.compreface.services import create_service, digest_of, give_services
from people.models import Gallery
from people.types import LONGEST
from transfer.compreface import catalogue
from transfer.compreface.report import Report


def galleries_for(*, client: Client, services: Sequence[catalogue.Service]) -> dict[str, str]:
    """The name of the gallery of each recognition service, by its key.

    A service that was moved before keeps its gallery, whatever that is called now. Others get one of their own name,
    with that of the application where two services of different applications have the same, in this run or an earlier
    one: whom one service knows is not for the key of another.
    """
    recognising = [one for one in services if one.kind == catalogue.Kind.RECOGNITION]
    names, found = Counter(one.name for one in recognising), dict[str, str]()
    earlier = Service.objects.filter(client_id=client.pk, gallery__isnull=False)
    taken = set(earlier.values_list("gallery__name", flat=True))
    for one in recognising:
        known = _moved(client, one.key)
        is_only = names[one.name] == 1 and one.name not in taken
        name = one.name if is_only else f"{one.app} {one.name}".strip()
        name = known.gallery.name if known and known.gallery else _free((name.strip() or "CompreFace"), taken)
        taken.add(name)
        found[one.key] = name
    return found


def _free(name: str, taken: set[str]) -> str:
    """The name, or one with a number behind it, that the table can hold."""
    longest = LONGEST["source"]
    tried, number = name[:longest], 1
    while tried in taken:
        number += 1
        tried = f"{name[: longest - 1 - len(str(number))]} {number}"
    return tried


def _moved(client: Client, key: str) -> Service | None:
    """What an earlier run made of the service with this key."""
    try:
        digest = digest_of(key)
    except (ValueError, WeakKey):
        return None
    own = Service.objects.filter(client_id=client.pk, digest=digest)
    found: Service | None = own.select_related("gallery").first()
    return found


def take_over_key(
    *, client: Client, service: catalogue.Service, gallery: str | None, embeddings: bool, report: Report
) -> bool:
    """Have callers known by the service's key, of which a hash is kept; False, and a remark, if that is impossible."""
    named = Gallery.objects.named(client, gallery) if gallery is not None else None
    try:
        made, _ = create_service(
            client=client,
            kinds=[service.kind.value],
            name=service.name,
            key_uuid=service.key,
            gallery=named,
            embeddings=embeddings,
        )
    except (KeyTaken, WeakKey) as error:
        report.add(service.name, error.code, f"{error.message} Make a key for the callers of this service.")
        return False
    except ValueError:
        message = "The key of this service is not a UUID. Make a key for its callers."
        report.add(service.name, "import.bad_key", message)
        return False
    if made.gallery is None and named is not None:  # moved before, and its gallery deleted since
        give_services(key=made.api_key, kinds=made.kinds, name=made.name, gallery=named)
    return True
