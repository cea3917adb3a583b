"""The recognisers' pages in a real Chromium: look at the curves, go back to the version before."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from clients.models import Client
from faceapp.tests.browser import follow, log_in, shoot
from people.models import Gallery
from training.models import Recogniser
from work.models import Status

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

METRICS = {
    "held_out": 12, "strangers": 96, "accuracy": 1.0, "strangers_rejected": 0.979,
    "nearest_accuracy": 1.0, "nearest_strangers_rejected": 0.125,
}  # fmt: skip


def versions(client: Client) -> list[Recogniser]:
    """Two that are ready, one that is trained right now."""
    gallery, made = Gallery.objects.named(client, "FaceHash Xy12abCD"), []
    for number, status in enumerate([Status.DONE, Status.DONE, Status.PROCESSING], 1):
        done = 60 if status == Status.DONE else 21
        rows = [
            {"epoch": n, "loss": 1.6 * math.exp(-n / 14), "accuracy": 1 - 0.7 * math.exp(-n / 10),
             "held_out_loss": 1.7 * math.exp(-n / 18) + 0.08, "held_out_accuracy": 1 - 0.75 * math.exp(-n / 12)}
            for n in range(1, done + 1)
        ]  # fmt: skip
        made.append(
            Recogniser.objects.create(
                client=client, gallery=gallery, space="dlib-resnet-v1.dlib150", version=number,
                status=status, is_active=number == 2, curves=rows, images=48,
                options={"epochs": 60, "hidden_units": 64, "dropout": 0.3, "learning_rate": 0.003},
                min_probability=0.53, metrics=METRICS if status == Status.DONE else {},
                started_at=timezone.now() - timedelta(seconds=9), finished_at=timezone.now(),
            )
        )  # fmt: skip
    return made


def test_an_operator_goes_back_to_the_version_before(page: Page, live_server: LiveServer, client_a: Client) -> None:
    first, second, _ = versions(client_a)
    log_in(page, live_server, User.objects.create_superuser("root", password="password"))
    page.goto(live_server.url + reverse("admin:training_recogniser_changelist"))
    expect(page.get_by_text("21 of 60 epochs")).to_be_visible()
    shoot(page, "recognisers")

    page.goto(live_server.url + reverse("admin:training_recogniser_change", args=[second.pk]))
    expect(page.locator("svg polyline")).to_have_count(4)
    expect(page.get_by_text("97.9\N{NO-BREAK SPACE}%")).to_be_visible()
    shoot(page, "recogniser")

    page.goto(live_server.url + reverse("admin:training_recogniser_changelist"))
    page.locator(f"input[name=_selected_action][value='{first.pk}']").check()
    page.locator("select[name=action]").select_option("activate")
    follow(page.get_by_role("button", name="Run"))
    expect(page.get_by_text("Version 1 is in use now.")).to_be_visible()
    assert Recogniser.objects.active().get() == first

    page.goto(live_server.url + reverse("admin:training_trainingoptions_add"))
    shoot(page, "training-options")
