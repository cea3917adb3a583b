"""Albums are locked before the people of their groups, whatever is merged or asked for meanwhile."""

from __future__ import annotations

import pytest
from django.db import OperationalError, transaction

from albums import erasure, services
from albums.curation import merge_groups, name_group
from albums.models import Album, AlbumFace, FaceGroup
from clients.models import Client
from faceapp.tests.rivals import Rival, wait_until_blocked
from people.models import Person
from people.services import create_person, erase_person, hold_people, merge_persons
from people.types import Leaving, Taken
from vision.tests.drawing import GREEN, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db(transaction=True)


def named(client: Client, name: str) -> Person:
    """Somebody with a group in an album of their own."""
    album = services.create_album(client=client, name=name)
    services.add_images(album=album, submissions=[read_submission(Upload(picture(RED), "a.png"))])
    services.queue_images(album=album)
    person = name_group(group=FaceGroup.objects.get(album=album), name=name).person
    assert person
    return person


def test_groups_that_a_merge_hands_over_are_held_while_they_are_erased(
    client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, twin = create_person(client=client_a, name="Ada"), named(client_a, "twin")
    forget, held = erasure.forget, list[bool]()

    def lock_now() -> None:
        with transaction.atomic():
            list(Album.objects.select_for_update(nowait=True))

    def look_and_forget(leaving: Leaving) -> Taken:
        other = Rival(lock_now)
        with pytest.raises(OperationalError, match="lock"):
            other.finish()
        held.append(True)
        return forget(leaving)

    with transaction.atomic():
        merge_persons(person=ada, other=twin)
        monkeypatch.setattr(erasure, "forget", look_and_forget)
        rival = Rival(lambda: erase_person(person=ada))
        wait_until_blocked()
    rival.finish()
    assert held and not AlbumFace.objects.exists() and not Person.objects.exists()


def test_albums_of_several_people_are_locked_in_one_order(client_a: Client) -> None:
    first, last = named(client_a, "first"), named(client_a, "last")

    def hold() -> None:
        with transaction.atomic():
            hold_people(last, first)

    with transaction.atomic():
        list(Album.objects.select_for_update().filter(groups__person=first).values_list("pk"))
        rival = Rival(hold)
        wait_until_blocked()
        list(Album.objects.select_for_update(nowait=True).filter(groups__person=last).values_list("pk"))
    rival.finish()


def test_groups_of_one_person_become_one(client_a: Client) -> None:
    """As two named groups are after their people have been merged."""
    album = services.create_album(client=client_a, name="a")
    uploads = [Upload(picture(colour), "a.png") for colour in (RED, GREEN)]
    services.add_images(album=album, submissions=[read_submission(upload) for upload in uploads])
    services.queue_images(album=album)
    one, other = FaceGroup.objects.filter(album=album).order_by("number")
    people = [name_group(group=group, name=f"p{group.number}").person for group in (one, other)]
    assert people[0] and people[1]
    merge_persons(person=people[0], other=people[1])
    merge_groups(group=FaceGroup.objects.get(pk=one.pk), others=[other.number])
    assert [group.faces.count() for group in FaceGroup.objects.filter(album=album)] == [2]
