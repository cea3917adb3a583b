"""Services of keys: made, found, and with the UUIDs that an earlier server gave out as further keys."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from django.db import IntegrityError, transaction

from audit.services import record
from audit.types import Action
from clients.keys import hash_of
from clients.models import ApiKey, Client, Scope
from clients.services import save_new_key
from compat.compreface.exceptions import KeyTaken, UnknownService, WeakKey
from compat.compreface.models import Service, ServiceKind
from people.models import Gallery, GalleryKind
from walls.current import EVERYONE, showing

ALL = frozenset({ServiceKind.RECOGNITION, ServiceKind.DETECTION, ServiceKind.VERIFICATION})
TITLES = {kind: f"{kind.label} service" for kind in ServiceKind}
SCOPES: dict[ServiceKind, Sequence[Scope]] = {
    ServiceKind.RECOGNITION: (Scope.PEOPLE_READ, Scope.PEOPLE_WRITE, Scope.PEOPLE_SEARCH),
    ServiceKind.DETECTION: (Scope.DETECT,),
    ServiceKind.VERIFICATION: (Scope.PEOPLE_MATCH,),
    ServiceKind.IMAGES: (),
}
SAME_DIGITS = 4  # a UUID with fewer different digits was not drawn at random


def create_service(
    *,
    client: Client,
    kinds: Collection[ServiceKind | str],
    name: str,
    key_uuid: str | uuid.UUID | None = None,
    gallery: Gallery | None = None,
    embeddings: bool = False,
    scopes: Sequence[str] | None = None,
) -> tuple[Service, str]:
    """Make a key with these services, and return the service with the only copy of that key of ours.

    `key_uuid` is accepted as the same key: only its hash is kept. `gallery` is whom recognition knows (None: the
    client's default gallery). `embeddings` lets the key send and receive embeddings; `scopes` replaces those that the
    kinds need. The key never expires: its callers cannot replace it. If the client has a service with this UUID
    already, that is returned, unchanged, with an empty key. Raises `KeyTaken` or `WeakKey`.
    """
    digest = digest_of(key_uuid) if key_uuid else ""
    if digest and (known := service_known_by(digest)):
        if known.client_id != client.pk:
            raise KeyTaken("Another service has this key.")
        return known, ""
    wanted = [kind for kind in ServiceKind if kind in {ServiceKind(kind) for kind in kinds}]
    chosen = scopes_of(wanted, embeddings=embeddings) if scopes is None else list(scopes)
    row = ApiKey(name=name[:50], client=client, scopes=chosen)
    try:
        with transaction.atomic():
            key = save_new_key(row=row)
            return _save(Service(client=client, api_key=row, name=name[:255], digest=digest), wanted, gallery), key
    except IntegrityError as error:
        if "compreface_digest_unique" not in str(error):
            raise
        raise KeyTaken("Another service has this key.") from error


def give_services(
    *, key: ApiKey, kinds: Collection[ServiceKind | str], name: str, gallery: Gallery | None = None
) -> Service:
    """Say which services an existing key has, and for whom; what was said before is replaced."""
    wanted = [kind for kind in ServiceKind if kind in {ServiceKind(kind) for kind in kinds}]
    with transaction.atomic():
        service = Service.objects.filter(api_key=key).first() or Service(client=key.client, api_key=key)
        service.name = name[:255]
        return _save(service, wanted, gallery)


def _save(service: Service, kinds: Sequence[ServiceKind], gallery: Gallery | None) -> Service:
    service.kinds = [kind.value for kind in kinds]
    service.gallery = None
    if ServiceKind.RECOGNITION in kinds or ServiceKind.IMAGES in kinds:
        service.gallery = gallery or Gallery.objects.default_of(service.client)
    service.save()
    key = f"key:{service.api_key_id}"
    record(Action.SETTINGS_CHANGED, client_id=service.client_id, objects=[key, f"compreface_service:{service.pk}"])
    return service


def scopes_of(kinds: Collection[ServiceKind], *, embeddings: bool = False) -> list[str]:
    """What a key with these services must be allowed to do, in the order of `Scope`."""
    needed = {scope for kind in kinds for scope in SCOPES[kind]} | ({Scope.EMBEDDINGS} if embeddings else set())
    return [scope.value for scope in Scope if scope in needed]


@transaction.atomic
def remove_service(*, service: Service) -> None:
    """Forget which services a key has, and its UUID. The key itself stays; one that was made for a UUID does nothing
    any more, because nobody knows its text.
    """
    key, number = f"key:{service.api_key_id}", service.pk
    service.delete()
    record(Action.SETTINGS_CHANGED, client_id=service.client_id, objects=[key, f"compreface_service:{number}"])


# ---- keys -------------------------------------------------------------------------------------------------------
def digest_of(key: str | uuid.UUID) -> str:
    """What is stored of a UUID, in any of its spellings. Raises ValueError for another text, or `WeakKey`.

    A UUID of version 4 has 122 random bits: its hash needs neither salt nor rounds.
    """
    text = str(uuid.UUID(str(key)))
    if len(set(text.replace("-", ""))) < SAME_DIGITS:
        raise WeakKey("This key was published with CompreFace, or can be guessed.")
    return hash_of(text)


def key_of_uuid(text: str) -> ApiKey | None:
    """The key that is known by this UUID, usable or not."""
    try:
        known = service_known_by(digest_of(text))
    except WeakKey:
        return None
    return known.api_key if known else None


@showing(EVERYONE)  # before a client is known, or to see that another client's service has this key
def service_known_by(digest: str) -> Service | None:
    return Service.objects.select_related("api_key__client", "client", "gallery").filter(digest=digest).first()


def service_of(key: ApiKey) -> Service | None:
    """What was said of a key, if anything was."""
    return getattr(key, "compreface_service", None)


def kinds_of(key: ApiKey) -> frozenset[str]:
    """The services of a key."""
    service = service_of(key)
    return frozenset(service.kinds) if service else ALL


def gallery_of(*, key: ApiKey) -> Gallery:
    """Whom the recognition service of a key knows.

    Raises `UnknownService` if that gallery was deleted, or is a blacklist, for which the key's scopes are not meant.
    """
    service = service_of(key)
    gallery = service.gallery if service else Gallery.objects.default_of(key.client)
    if gallery is None or gallery.kind != GalleryKind.PEOPLE:
        raise unknown_service(ServiceKind.RECOGNITION)
    gallery.client = key.client
    return gallery


def origins_of(key: ApiKey) -> list[str]:
    """The sites whose pages may call with this key; none leaves it to the deployment."""
    service = service_of(key)
    return service.origins if service else []


def unknown_service(kind: ServiceKind) -> UnknownService:
    return UnknownService(f"{TITLES[kind]} with API Key not found")
