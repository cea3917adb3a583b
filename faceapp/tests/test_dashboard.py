"""The figures on the admin's first page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from clients.models import Client
from faceapp.dashboard import dashboard
from recognition.models import Job, ProcessedImage, Status

pytestmark = pytest.mark.django_db


def test_images_are_counted_by_status_in_few_queries(
    client_a: Client, admin_user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = Job.objects.create(client=client_a, metric="euclidean", threshold=0.2)
    states = [Status.DONE, Status.DONE, Status.DONE, Status.FAILED, Status.PENDING, Status.PROCESSING]
    for position, status in enumerate(states):
        ProcessedImage.objects.create(client=client_a, job=job, position=position, identifier="x", status=status)
    request = RequestFactory().get("/admin/")
    request.user = admin_user
    with django_assert_num_queries(6):  # four for the figures, one for the matches, one for the first steps
        context = dashboard(request, {})
    assert {count["label"]: count["value"] for count in context["counts"]} == {
        "entries in force": 0,
        "images screened today": 3,
        "matches today": 0,
        "failed today": 1,
        "waiting": 2,
    }
    assert context["steps"] == []
