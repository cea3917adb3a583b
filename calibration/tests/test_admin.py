"""Calibrations in the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from calibration.models import SpaceCalibration
from calibration.services import set_calibration
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member

pytestmark = pytest.mark.django_db
LIST = "/admin/calibration/spacecalibration/"


@pytest.fixture
def staff() -> Browser:
    return browser_of(User.objects.create_superuser("root"))


def fields_of(client: Client, **changes: str) -> dict[str, object]:
    fields = {"client": client.pk, "space": "fake-fake-4", "threshold": "0.15", "false_match_rate": "", "note": "x"}
    return fields | changes


def test_a_calibration_takes_the_metric_of_its_space(staff: Browser, client_a: Client) -> None:
    assert staff.post(f"{LIST}add/", fields_of(client_a)).status_code == 302
    stored = SpaceCalibration.objects.get()
    assert (stored.client, stored.metric, stored.threshold) == (client_a, "euclidean", 0.15)
    assert b"fake-fake-4" in staff.get(LIST).content
    page = staff.get(f"{LIST}{stored.pk}/change/").content
    assert b"fake-fake8-8" in page  # the other enabled space, to choose from
    assert staff.post(f"{LIST}{stored.pk}/change/", fields_of(client_a, space="fake-fake8-8")).status_code == 302
    assert SpaceCalibration.objects.get().space == "fake-fake8-8"


@pytest.mark.parametrize(
    "wrong",
    [
        {"space": "fake"},
        {"space": ""},
        *({"threshold": value} for value in ("0", "-1", "nan", "inf", "", "x")),
        *({"false_match_rate": value} for value in ("-0.1", "1.1", "nan")),
    ],
)
def test_unusable_values_are_refused(staff: Browser, client_a: Client, wrong: dict[str, str]) -> None:
    response = staff.post(f"{LIST}add/", fields_of(client_a, **wrong))
    assert response.status_code == 200 and response.context["adminform"].form.errors
    assert not SpaceCalibration.objects.exists()


def test_a_client_has_one_calibration_of_a_space(staff: Browser, client_a: Client) -> None:
    set_calibration(client=client_a, space="default", threshold=0.1)
    assert staff.post(f"{LIST}add/", fields_of(client_a)).status_code == 200
    assert SpaceCalibration.objects.get().threshold == 0.1


def test_managers_calibrate_and_others_look(client_a: Client, client_b: Client) -> None:
    set_calibration(client=client_a, space="default", threshold=0.1)
    operator, manager = (browser_of(make_member(client_a, role)) for role in (Role.OPERATOR, Role.MANAGER))
    assert operator.get(LIST).status_code == 200
    assert operator.post(f"{LIST}add/", fields_of(client_a)).status_code == 403
    assert manager.post(f"{LIST}add/", fields_of(client_b, space="fake-fake8-8")).status_code == 200  # no such choice
    assert manager.post(f"{LIST}add/", fields_of(client_a, space="fake-fake8-8")).status_code == 302
    assert set(SpaceCalibration.objects.values_list("client", flat=True)) == {client_a.pk}
