"""Galleries, their health and respaces in a real Chromium."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from blacklist.services import create_entry
from clients.models import Client
from faceapp.tests.browser import follow, log_in, shoot
from people.health import tend_health
from people.models import Gallery, GalleryKind, ReferenceImage
from people.services import enrol_face
from people.types import Whom
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NEARLY_RED = (205, 30, 20)


def test_the_health_of_a_gallery_leads_to_its_people(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client
) -> None:
    for name, *colours in (("Jane Example", RED, GREEN), ("Jill Example", NEARLY_RED), ("Joan Example", BLUE)):
        for colour in colours:
            upload, whom = Upload(picture(colour, side=120), "face.png"), Whom(external_id=name, name=name)
            enrol_face(client=client_a, upload=upload, whom=whom)
    joan = ReferenceImage.objects.get(person__name="Joan Example")
    joan.quality |= {"recognisability": 0.02, "recognisability_reason": "blurred"}
    joan.save()
    create_entry(client=client_a, name="Mallory", uploads=[Upload(picture(RED))])
    log_in(page, live_server, admin_user)
    gallery = Gallery.objects.get(kind=GalleryKind.PEOPLE)
    url = live_server.url + reverse("admin:people_gallery_health", args=[gallery.pk])
    page.goto(url)
    expect(page.get_by_text("Not computed yet.")).to_be_visible()
    shoot(page, "gallery-health-empty")
    tend_health()
    page.goto(live_server.url + reverse("admin:people_gallery_changelist"))
    shoot(page, "galleries")
    follow(page.locator("#result_list").get_by_role("link", name="default", exact=True))
    expect(page.get_by_text("Pairs of people who look alike: 1.")).to_be_visible()
    shoot(page, "gallery")
    follow(page.get_by_role("link", name="Show", exact=True))
    expect(page.get_by_alt_text("Face of Jill Example")).to_have_count(1)
    expect(page.get_by_alt_text("Face of Jane Example")).to_have_count(3)  # in a pair, and two odd photographs
    expect(page.get_by_text("blurred", exact=True)).to_be_visible()
    shoot(page, "gallery-health")
    page.emulate_media(color_scheme="dark")
    page.reload()
    shoot(page, "gallery-health-dark")
    follow(page.get_by_role("link", name="Joan Example", exact=True))
    expect(page.get_by_alt_text("Photograph 1 of Joan Example")).to_be_visible()
    blacklist = Gallery.objects.get(kind=GalleryKind.BLACKLIST)
    page.goto(live_server.url + reverse("admin:people_gallery_health", args=[blacklist.pk]))
    shoot(page, "gallery-health-blacklist")
