"""Hits to be judged: the queue, one hit, and what is done with it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from rest_framework import serializers
from rest_framework.request import Request

from audit.services import record
from audit.types import Action
from clients.access import allows, visible
from clients.authentication import client_of
from clients.models import Client, Scope
from clients.numbering import record_rows
from clients.permissions import is_managing
from console.numbers import LARGEST, count_of, in_words, number_in
from console.pages import ConsolePage
from console.problems import said
from console.review.shown import WORDS, counts_of, exported, groups_of, hit_context, queue
from recognition.exceptions import AlreadyDecided, NotConfirmed, RecordNotFound
from recognition.models import Match, Verdict
from recognition.services import judge, judge_all, open_again, stands, take_back
from recognition.types import VERDICTS, ReviewState
from storage.pictures import picture_response

MOST = 200  # hits that are dismissed by one click
PICTURES = ("portrait", "face", "large")
LAST_PAGE = 1_000_000


class VerdictInput(serializers.Serializer[Any]):
    said = serializers.ChoiceField(choices=[one.value for one in VERDICTS])
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class ManyInput(serializers.Serializer[Any]):
    """Hits of an entry on a day, as a page has counted them: those up to the id `last`."""

    entry = serializers.IntegerField(max_value=LARGEST)
    day = serializers.DateField()
    last = serializers.IntegerField(max_value=LARGEST)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class ReviewPage(ConsolePage):
    """Viewers look, operators judge."""

    scope_read = scope_write = Scope.SCREEN
    section = "review"

    @property
    def client(self) -> Client:
        return client_of(self.request)

    @property
    def user(self) -> User:
        user = self.request.user
        assert isinstance(user, User)
        return user

    def hit(self, pk: int) -> Match:
        """Raises `RecordNotFound`, also for other clients' hits."""
        found = Match.objects.of_client(self.client).with_context().filter(pk=pk).first()
        if found is None:
            raise RecordNotFound(_("There is no such hit. It may have been erased."))
        return found

    def undoing(self) -> dict[str, Any]:
        """The verdict that was just given, and whether it can be taken back."""
        pk = number_in(self.request.query_params.get("undo"))
        own = Verdict.objects.filter(client=self.client, user=self.user, counts=True)
        verdict = own.select_related("match__entry__gallery").filter(pk=pk).first() if pk else None
        if verdict is None:
            return {}
        return {"given": verdict, "given_word": WORDS[verdict.said], "undoable": not stands(verdict)}

    def show_hit(self, match: Match, *, problem: str = "", status: int = 200) -> HttpResponse:
        hits = queue(self.client, match.state, self.user)
        left = count_of(hits)
        record_rows(Action.VIEW, [match.face.image, match.entry], results=1)
        context = hit_context(match, self.user) | {
            "following": hits.after(match).first(),
            "previous": hits.before(match).first(),
            "left": left,
            "left_in_words": in_words(left),
            "may_judge": self.may(Scope.SCREEN),
            "may_export": is_managing(self.request),
            "problem_text": problem,
        }
        return self.show("console/review/hit.html", context | self.undoing(), status=status)


class QueuePage(ReviewPage):
    def get(self, request: Request) -> HttpResponse:
        state = request.query_params.get("state", "")
        state = state if state in WORDS else ReviewState.OPEN.value
        page = min(number_in(request.query_params.get("page")) or 1, LAST_PAGE)
        hits, counts = queue(self.client, state, self.user), counts_of(self.client)
        groups, more = groups_of(hits, page)
        seen = [row for group in groups for row in (*(match.face.image for match in group.faces), group.entry)]
        record_rows(Action.VIEW, seen, results=sum(len(group.faces) for group in groups))
        context: dict[str, Any] = {
            "tabs": [(key, word, counts[key]) for key, word in WORDS.items()],
            "state": state,
            "groups": groups,
            "next_page": page + 1 if more else None,
            "previous_page": page - 1,
            "keeps_embeddings": self.client.keep_screened_embeddings,
            "may_judge": self.may(Scope.SCREEN),
            "most": MOST,
            "message": dismissed(number_in(request.query_params.get("dismissed")) or 0),
        }
        if state == ReviewState.OPEN:
            waiting, own = count_of(hits), Verdict.objects.filter(client=self.client, user=self.user, counts=True)
            context |= {"waiting": waiting, "waiting_in_words": in_words(waiting), "first": hits.first()}
            pending = own.filter(match__state=ReviewState.OPEN, match__entry__gallery__two_person_review=True)
            context["others"] = pending.count()
        return self.show("console/review/queue.html", context | self.undoing())


class HitPage(ReviewPage):
    def get(self, request: Request, pk: int) -> HttpResponse:
        return self.show_hit(self.hit(pk))

    def post(self, request: Request, pk: int) -> HttpResponse:
        given = VerdictInput(data=request.data)
        given.is_valid(raise_exception=True)
        match, judgement = self.hit(pk), ReviewState(given.validated_data["said"])
        try:
            verdict = judge(match=match, user=self.user, said=judgement, note=given.validated_data.get("note", ""))
        except AlreadyDecided as error:
            response = self.show_hit(self.hit(pk), problem=said(error), status=409)
            response["X-Problem"] = error.code
            return response
        waiting = queue(self.client, ReviewState.OPEN, self.user)
        following = waiting.after(match).first() or waiting.first()
        page = reverse("console:review-hit", args=[following.pk]) if following else reverse("console:review")
        return HttpResponseRedirect(f"{page}?undo={verdict.pk}")


class HitExport(ReviewPage):
    """A confirmed hit with its verdicts, to take away. For managers, and recorded."""

    for_managers = ("get",)

    def get(self, request: Request, pk: int) -> HttpResponse:
        match = self.hit(pk)
        if match.state != ReviewState.CONFIRMED:
            raise NotConfirmed(_("Only hits that have been confirmed are exported."))
        names = [match.face.image.audit_name, match.entry.audit_name]
        record(Action.EXPORT, client_id=self.client.pk, objects=names, results=1)
        headers = {"Content-Disposition": f'attachment; filename="hit-{pk}.json"', "Cache-Control": "private, no-store"}
        return JsonResponse(exported(match), json_dumps_params={"indent": 2}, headers=headers)


class TakeBack(ReviewPage):
    def post(self, request: Request, pk: int) -> HttpResponse:
        verdict = Verdict.objects.filter(client=self.client, user=self.user, pk=pk).first()
        if verdict is None:
            raise RecordNotFound(_("There is no such verdict of yours."))
        match = take_back(verdict=verdict, user=self.user)
        return HttpResponseRedirect(reverse("console:review-hit", args=[match.pk]))


class OpenAgain(ReviewPage):
    def post(self, request: Request, pk: int) -> HttpResponse:
        open_again(match=self.hit(pk))
        return HttpResponseRedirect(reverse("console:review-hit", args=[pk]))


class DismissMany(ReviewPage):
    """The hits of an entry on a day, up to `MOST`; what came since its page was shown stays open."""

    def post(self, request: Request) -> HttpResponse:
        given = ManyInput(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        shown = queue(self.client, ReviewState.OPEN, self.user).filter(
            entry=data["entry"], found_on=data["day"], pk__lte=data["last"]
        )
        count = judge_all(matches=shown[:MOST], user=self.user, said=ReviewState.DISMISSED, note=data.get("note", ""))
        return HttpResponseRedirect(f"{reverse('console:review')}?dismissed={count}")


@require_safe
@login_required
def picture(request: HttpRequest, pk: int, variant: str) -> HttpResponse:
    """The face of a hit, or the whole screened image, for who may see screened images of the chosen client."""
    matches = visible(request, Match.objects.select_related("face__image"))
    face = get_object_or_404(matches, pk=pk).face
    if variant not in PICTURES or not allows(request, "recognition.view_processedimage"):
        raise Http404
    return picture_response(face.image.image, variant=variant, box=face.box)


def dismissed(count: int) -> str:
    words = ngettext("You have dismissed %(count)s hit.", "You have dismissed %(count)s hits.", count)
    return words % {"count": count} if count else ""
