"""`manage.py reconcile`: compares our rows with what remote services have, and mends the differences."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clients.exceptions import InvalidClient
from clients.services import get_client
from people.elsewhere import calls, reconciling
from people.elsewhere.reconciling import Difference
from people.elsewhere.rows import RemoteCall, RemoteCollection
from remote.registry import label_of


class Command(BaseCommand):
    help = (
        "Compare the faces that remote services have with those that they should have, and say what differs. With"
        " --mend, add what is missing, remove what nobody knows of, and make collections anew that were deleted there;"
        " workers do it, so the service must be running. May be repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mend", action="store_true", help="end the differences; without it nothing is changed")
        parser.add_argument("--again", action="store_true", help="with --mend: also what was refused there")
        parser.add_argument("--client", metavar="NAME", help="only this client; otherwise every client")

    def handle(self, *args: Any, **options: Any) -> None:
        collections = RemoteCollection.objects.select_related("client", "gallery").order_by("client__name", "pk")
        if options["client"]:
            try:
                collections = collections.of_client(get_client(name=options["client"]))
            except InvalidClient as error:
                raise CommandError(error.message) from error
        found = reconciling.differences(collections)
        for difference in found:
            self.tell(difference)
            if options["mend"] and not (difference.is_clean and not options["again"]):
                reconciling.mend(difference, again=options["again"])
        if options["mend"]:
            RemoteCall.objects.retry_now()
            calls.send_due()
        different = [one for one in found if not one.is_clean]
        said = "mended, as soon as the workers have done it" if options["mend"] else "nothing was changed; see --mend"
        self.stdout.write(f"{len(found)} collections, {len(different)} with differences: {said}.")
        if any(one.problem for one in found):
            raise CommandError("Some collections could not be compared; see above.")

    def tell(self, one: Difference) -> None:
        collection = one.collection
        name = f"{collection.client}, gallery {collection.gallery.name!r} at {label_of(collection.backend)}"
        if one.problem:
            self.stdout.write(f"{name}: not compared. {one.problem}")
            return
        gone = " The collection does not exist there." if one.is_gone else ""
        self.stdout.write(
            f"{name}: {len(one.missing)} faces missing there, {len(one.unknown)} unknown to us, {len(one.unlisted)} not"
            f" yet listed by us, {one.absent} photographs never added, {one.failed} refused, {one.waiting} calls under"
            f" way.{gone}"
        )
