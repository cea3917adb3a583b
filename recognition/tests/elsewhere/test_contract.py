"""Checks of the older blacklist server's contract that a remote recogniser can pass, with every back end.

They are the very tests that a running service with faces of its own passes.
"""

from __future__ import annotations

from typing import Any

import pytest

from people.elsewhere.tests.test_calls import run_calls
from people.models import RemoteCall, RemoteCollection
from recognition.tests.elsewhere.conftest import settle
from recognition.tests.elsewhere.in_process import InProcess
from recognition.tests.test_contract_blacklist import (  # noqa: F401  tests
    test_df_06_no_usable_image,
)
from recognition.tests.test_contract_screening import (  # noqa: F401  tests
    test_df_13_listed_person_matches,
    test_df_15_match_stands_at_the_right_face,
    test_df_17_bad_image_in_a_batch,
    test_df_26_stored_results,
    test_df_30_no_match_after_deletion,
)
from remote.tests.stand_ins.cases import Case

pytestmark = [pytest.mark.models, pytest.mark.django_db]


def test_df_11_a_second_photograph_is_searched_too(
    api: InProcess, case: Case, entry: dict[str, Any], photos: dict[str, bytes]
) -> None:
    assert api.add(entry["id"], photos["S2"]).json()["errors"] == []
    [collection] = RemoteCollection.objects.all()
    settle(case)
    assert len({face.own_id for face in case.backend.faces(collection.name)}) == 2
    [match] = api.process(photos["S2"]).json()[0]["faces"][0]["blacklist_matches"]
    assert match["distance"] == pytest.approx(0, abs=5e-3)


def test_df_19_thresholds(api: InProcess, entry: dict[str, Any], photos: dict[str, bytes], case: Case) -> None:
    """They are shares of the vendor's scale; the vendor's point decides where a call names none."""
    assert api.process(photos["V"], threshold=0.0001).json()[0]["has_blacklist_match"] is False
    results = [api.process(photos["S2"]).json()[0], api.process(photos["S2"], threshold=0).json()[0]]
    point = 1 - case.abilities.score_at_point / case.abilities.largest_score
    for result in results:
        assert result["faces"][0]["blacklist_matches"][0]["threshold"] == pytest.approx(point)
    assert api.process(photos["V"], threshold=2.0).json()[0]["has_blacklist_match"] is True


def test_df_29_a_deleted_entry_leaves_the_service(
    api: InProcess, case: Case, entry: dict[str, Any], photos: dict[str, bytes]
) -> None:
    [collection] = RemoteCollection.objects.all()
    assert api.call("DELETE", f"/api/v1/blacklist/{entry['id']}/").status_code == 200
    assert api.call("DELETE", f"/api/v1/blacklist/{entry['id']}/").status_code == 404
    run_calls()
    assert not RemoteCall.objects.exists() and list(case.backend.faces(collection.name)) == []
