"""Which screened images are shown: the filter as a form and as a query, and pages that stay when images arrive."""

from __future__ import annotations

from datetime import date, datetime, time
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.timezone import make_aware
from django.utils.translation import gettext_lazy as _

from clients.models import Client
from recognition.models import ProcessedImage, Status
from recognition.querysets import ProcessedImageQuerySet

DAYS = (MinValueValidator(date(1970, 1, 2)), MaxValueValidator(date(2999, 12, 30)))
SHOWN = [("", _("All images")), ("hits", _("With a hit")), ("open", _("With an open hit")), ("failed", _("Failed"))]


class ImageFilter(forms.Form):
    """The filter of the list, which the addresses of its pages carry along."""

    show = forms.ChoiceField(label=_("Show"), choices=SHOWN, required=False)
    since = forms.DateField(label=_("From"), required=False, validators=DAYS)
    until = forms.DateField(label=_("To"), required=False, validators=DAYS)
    person = forms.CharField(label=_("Person found"), required=False, max_length=100)
    text = forms.CharField(label=_("Identifier contains"), required=False, max_length=110)
    job = forms.UUIDField(required=False)

    @property
    def chosen(self) -> dict[str, str]:
        """What was filled in and can be used, as text."""
        self.is_valid()
        return {name: str(value) for name, value in self.cleaned_data.items() if value}

    @property
    def query(self) -> str:
        """The filter as the end of an address, to be followed by more of it."""
        return urlencode(self.chosen)

    def images(self, client: Client, *, leaving: bool = False) -> ProcessedImageQuerySet:
        """Those of the client that the filter lets pass; none if it cannot be used.

        `leaving`: hits that may not leave the service do not count.
        """
        images = ProcessedImage.objects.of_client(client)
        if not self.is_valid():
            return images.none()
        chosen = self.cleaned_data
        if chosen["since"]:
            images = images.filter(created_at__gte=make_aware(datetime.combine(chosen["since"], time.min)))
        if chosen["until"]:
            images = images.filter(created_at__lte=make_aware(datetime.combine(chosen["until"], time.max)))
        if chosen["show"] == "failed":
            images = images.filter(status=Status.FAILED)
        if chosen["show"] == "hits":
            images = images.matched(leaving=leaving)
        if chosen["show"] == "open":
            images = images.undecided(leaving=leaving)
        if chosen["person"]:
            images = images.with_match_of_name(chosen["person"], leaving=leaving)
        if chosen["text"]:
            images = images.filter(identifier__icontains=chosen["text"])
        return images.filter(job=chosen["job"]) if chosen["job"] else images
