"""`manage.py respace`: moves people to another space, that is to another model, without downtime."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from clients.exceptions import InvalidClient
from clients.models import Client
from clients.services import get_client
from errors import FaceAppError, InvalidInput, Unavailable
from people import respacing
from people.exceptions import PeopleAtRisk
from people.models import Respace, RespacedImage
from people.querysets import RespaceQuerySet
from people.types import PersonAtRisk
from remote.registry import NAMES
from vision import inference
from vision.engines import engines
from work.models import Status

LOOK_SECONDS = 1.0
MOST_NAMED = 1000  # failed photographs that are listed


class Command(BaseCommand):
    help = (
        "Move people to another model: compute their templates from the stored photographs while the old model goes on"
        " deciding (--to), let the new one decide (--switch) or the old one again (--back), and delete the old"
        " templates (--forget-old). Without one of these, report how far it is. The workers compute, so the service"
        " must be running. Every step may be stopped and repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        step = parser.add_mutually_exclusive_group()
        step.add_argument("--to", metavar="ENGINE", help="alias of an enabled engine, or its space: compute templates")
        step.add_argument(
            "--to-backend",
            metavar="NAME",
            choices=NAMES,
            help="deepface (ours), aws_rekognition or azure_face: add the photographs there. They leave this service",
        )
        step.add_argument("--switch", action="store_true", help="let the new space decide")
        step.add_argument("--back", action="store_true", help="let the old space decide again")
        step.add_argument("--forget-old", action="store_true", help="delete the templates of the old space")
        step.add_argument("--cancel", action="store_true", help="give up before the switch; computed templates stay")
        parser.add_argument("--client", metavar="NAME", help="only this client; otherwise every client")
        parser.add_argument(
            "--fill", action="store_true", help="with --to: add missing templates, switch nothing later"
        )
        parser.add_argument("--no-wait", action="store_true", help="with --to: do not wait for the workers")
        parser.add_argument(
            "--lose-people", action="store_true", help="go on although people will not be found any more"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        clients = [self.client(options["client"])] if options["client"] else list(Client.objects.order_by("name"))
        if options["to"] or options["to_backend"]:
            self.compute(clients, options)
            return
        moves = (
            Respace.objects.unfinished().filter(client__in=clients).select_related("client").order_by("client__name")
        )
        step = self.step(options)
        if step is None:
            self.report(moves)
        elif chosen := list(moves.moves()):
            self.go(chosen, step)
        else:
            raise CommandError("No client is being moved to another space.")

    def client(self, name: str) -> Client:
        try:
            return get_client(name=name)
        except InvalidClient as error:
            raise CommandError(error.message) from error

    # ---- computing ------------------------------------------------------------------------------------------

    def compute(self, clients: Sequence[Client], options: dict[str, Any]) -> None:
        backend, started = options["to_backend"] or "", []
        alias = "" if backend else self.alias(options["to"])

        def start(client: Client) -> None:
            move = respacing.start_respace(client=client, alias=alias, backend=backend, only_fill=options["fill"])
            started.append(move.pk)

        try:
            if not options["no_wait"]:
                inference.require_worker()
            refused = [error for client in clients if (error := self.refusal(client, start))]
            respaces = Respace.objects.filter(pk__in=started).select_related("client").order_by("client__name")
            if not options["no_wait"]:
                self.wait(respaces)
        except Unavailable as error:
            raise CommandError(f"{error.message} What has been done is kept.") from error
        self.report(respaces.all())  # read again: the workers went on
        self.require_none(refused)

    def alias(self, name: str) -> str:
        try:
            return engines.alias_called(name)
        except InvalidInput as error:
            raise CommandError(f"There is no engine {name!r} here. {error.message.partition('. ')[2]}") from error

    def wait(self, respaces: RespaceQuerySet) -> None:
        """Until every photograph has been tried. The workers go on if this is interrupted."""
        total = sum(respacing.progress_of(respace).photographs for respace in respaces)
        with tqdm(total=total, unit="image", disable=None) as bar:
            while respaces.computing().exists():
                bar.update(sum(respacing.progress_of(respace).tried for respace in respaces) - bar.n)
                time.sleep(LOOK_SECONDS)
                respacing.hand_out()

    # ---- steps ----------------------------------------------------------------------------------------------

    def step(self, options: dict[str, Any]) -> Callable[[Respace], str] | None:
        """What to do with each respace; it returns what has been done."""
        lose = options["lose_people"]

        def forget(respace: Respace) -> str:
            return f"{respacing.forget_old(respace=respace, lose_people=lose):,} old templates are deleted."

        def cancel(respace: Respace) -> str:
            respacing.cancel_respace(respace=respace)
            return "cancelled."

        def switch(respace: Respace) -> str:
            return self.switched(respacing.switch(respace=respace, lose_people=lose), f"{respace.space} decides now.")

        def back(respace: Respace) -> str:
            return self.switched(
                respacing.switch_back(respace=respace, lose_people=lose), "the old space decides again."
            )

        steps = {"switch": switch, "back": back, "forget_old": forget, "cancel": cancel}
        return next((step for name, step in steps.items() if options[name]), None)

    def switched(self, lost: Sequence[PersonAtRisk], done: str) -> str:
        self.list_people(lost)
        return done

    def go(self, respaces: Iterable[Respace], step: Callable[[Respace], str]) -> None:
        """The step for each client. Raises `CommandError` in the end if one was refused."""

        def tell(respace: Respace) -> None:
            self.stdout.write(f"{respace.client}: {step(respace)}")

        self.require_none([error for respace in respaces if (error := self.refusal(respace, tell))])

    def refusal(self, subject: Client | Respace, work: Callable[[Any], None]) -> FaceAppError | None:
        """Do the work for one client. Returns what it was refused with, after telling."""
        try:
            work(subject)
        except Unavailable:
            raise
        except FaceAppError as error:
            name = subject.client if isinstance(subject, Respace) else subject
            self.stdout.write(f"{name}: refused. {error.message}")
            if isinstance(error, PeopleAtRisk):
                self.list_people(error.people)
                self.stdout.write("  Enrol them again, erase them, or insist with --lose-people.")
            return error
        return None

    def require_none(self, refused: Sequence[FaceAppError]) -> None:
        if refused:
            raise CommandError(f"Refused for {len(refused)} client{'' if len(refused) == 1 else 's'}; see above.")

    # ---- reporting ------------------------------------------------------------------------------------------

    def report(self, respaces: Iterable[Respace]) -> None:
        for respace in respaces:
            report = respacing.progress_of(respace)
            self.stdout.write(
                f"{respace.client}, {respace.status}: {report.templates:,} of {report.photographs:,} photographs have a"
                f" template in {respace.space}; {report.failed:,} failed."
            )
            failed = respace.images.filter(status=Status.FAILED).select_related("reference_image__person")
            self.list_images(failed.order_by("pk")[:MOST_NAMED])
            if not respace.only_fill:
                self.list_people(respacing.people_at_risk(respace))
                self.stdout.write(f"  {shadow_words(respace)}")

    def list_images(self, images: Iterable[RespacedImage]) -> None:
        for image in images:
            number, person = image.reference_image.number, image.reference_image.person.number
            self.stdout.write(f"  photograph {number} of person {person}: {image.error_code}: {image.error}")

    def list_people(self, people: Sequence[PersonAtRisk]) -> None:
        for person in people:
            self.stdout.write(f"  person {person.number} in {person.gallery!r} would be lost: {person.reason}")


def shadow_words(respace: Respace) -> str:
    """What the comparison of searches says."""
    return (
        f"{respace.compared:,} faces of searches were decided in both spaces: {respace.lost_matches:,} lose their"
        f" match, {respace.new_matches:,} gain one, {respace.other_matches:,} match another person."
    )
