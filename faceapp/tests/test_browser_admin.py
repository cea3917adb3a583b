"""The admin in a real Chromium: list a person, screen a picture, see the match, switch the entry off."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from calibration.services import set_calibration
from clients.models import ApiKey, Client
from clients.services import create_api_key
from compat.nextcloud.models import KeyModel
from faceapp.tests.browser import follow, log_in, shoot
from liveness.services import cancel_session, start_session
from people.models import ReferenceImage
from people.services import enrol_face
from people.types import Whom
from recognition.models import ProcessedImage
from recognition.services import screening_options, submit_images
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def screen(client: Client, *pictures: bytes) -> ProcessedImage:
    submissions = [read_submission(Upload(data, f"camera-{n}.png")) for n, data in enumerate(pictures)]
    job = submit_images(client=client, submissions=submissions, options=screening_options(client=client))
    image: ProcessedImage = job.images.order_by("position")[0]
    return image


def files(folder: Path) -> list[Path]:
    """One photograph with a face, one without."""
    good, empty = folder / "portrait.png", folder / "empty-room.png"
    good.write_bytes(picture(RED, side=120))
    empty.write_bytes(picture(side=120))
    return [good, empty]


@pytest.fixture
def client_a() -> Client:
    return Client.objects.create(name="alice")


@pytest.fixture
def at_work(page: Page, live_server: LiveServer, admin_user: User) -> Page:
    log_in(page, live_server, admin_user)
    return page


def test_listing_somebody_answers_for_each_photograph_at_once(
    at_work: Page, live_server: LiveServer, client_a: Client, tmp_path: Path
) -> None:
    page = at_work
    shoot(page, "dashboard-empty")
    follow(page.get_by_role("link", name="Add a blacklist entry"))
    page.locator("#id_name").fill("Mallory Example")
    page.locator("#id_reason").fill("Cheque fraud, three branches")
    page.locator("#id_photographs").set_input_files(files(tmp_path))
    chosen = page.get_by_role("list", name="Chosen photographs").get_by_role("listitem")
    expect(chosen.nth(0)).to_contain_text("face found")
    expect(chosen.nth(0).get_by_role("img")).to_be_visible()
    expect(chosen.nth(1)).to_contain_text("No face was found in this image.")
    shoot(page, "entry-add")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("portrait.png: taken. Face: large enough (121 px)")).to_be_visible()
    expect(page.get_by_text("Not taken. empty-room.png: No face was found")).to_be_visible()
    shoot(page, "entries-after-add")
    follow(page.locator("#result_list").get_by_role("link", name="Mallory Example", exact=True))
    expect(page.get_by_alt_text("Photograph 1 of Mallory Example")).to_be_visible()
    expect(page.get_by_label("Remove this photograph")).to_be_visible()
    shoot(page, "entry-change")


def test_a_refused_form_keeps_its_text(
    at_work: Page, live_server: LiveServer, client_a: Client, tmp_path: Path
) -> None:
    page = at_work
    page.goto(live_server.url + reverse("admin:blacklist_blacklistentry_add"))
    page.locator("#id_name").fill("Mallory")
    page.locator("#id_reason").fill("typed with care")
    page.locator("#id_photographs").set_input_files(files(tmp_path)[1])
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("empty-room.png: No face was found in this image.")).to_be_visible()
    expect(page.locator("#id_reason")).to_have_value("typed with care")
    shoot(page, "entry-refused")


def test_who_is_logged_out_meanwhile_loses_nothing(
    at_work: Page, live_server: LiveServer, client_a: Client, admin_user: User, tmp_path: Path
) -> None:
    page = at_work
    page.goto(live_server.url + reverse("admin:blacklist_blacklistentry_add"))
    page.locator("#id_name").fill("Mallory")
    page.context.clear_cookies(name="sessionid")
    page.locator("#id_photographs").set_input_files(files(tmp_path)[0])
    expect(page.get_by_text("Not checked: your session has ended.")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("nothing that you entered is lost")
    assert not BlacklistEntry.objects.exists()
    again = Browser()  # in another tab: a new session and a new token for forms
    again.force_login(admin_user)
    again.get(reverse("admin:index"))
    page.context.add_cookies(
        [
            {"name": name, "value": again.cookies[name].value, "url": live_server.url}
            for name in ("sessionid", "csrftoken")
        ]
    )
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("portrait.png: taken.")).to_be_visible()
    assert BlacklistEntry.objects.get().name == "Mallory"


def test_the_admin_can_be_used_without_a_mouse(at_work: Page, live_server: LiveServer, client_a: Client) -> None:
    page = at_work
    page.goto(live_server.url + reverse("admin:clients_apikey_changelist"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("main")).to_have_count(1)
    page.set_viewport_size({"width": 1280, "height": 900})  # where filters are a sheet
    for name, opened in (("Filters", "Apply Filters"), ("unfold_more", "Log out")):
        page.locator("[role=button]", has_text=name).focus()
        expect(page.get_by_role("button", name=opened)).to_be_hidden()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=opened)).to_be_visible()
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Dark", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.locator("html.dark")).to_have_count(1)


def test_a_new_key_can_be_copied(at_work: Page, live_server: LiveServer, client_a: Client) -> None:
    page = at_work
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(live_server.url + reverse("admin:clients_apikey_add"))
    expect(page.get_by_role("combobox", name="Client", exact=True)).to_have_count(1)
    page.locator("#id_name").fill("camera")
    page.locator("input[name=scopes][value=screen]").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert ApiKey.objects.get().is_valid(copied)


def test_a_match_is_drawn_beside_its_reference(at_work: Page, live_server: LiveServer, client_a: Client) -> None:
    page = at_work
    create_entry(client=client_a, name="Mallory", reason="fraud", uploads=[Upload(picture(RED, side=120), "red.png")])
    image = screen(client_a, picture(GREEN, RED, BLUE, side=120), picture(GREEN), b"broken")
    page.goto(live_server.url + reverse("admin:index"))
    shoot(page, "dashboard")
    page.get_by_role("link", name="Mallory distance 0.00").click()
    page.wait_for_url(f"**/{image.pk}/change/")
    for text in ("Face 2 of the screened image", "Reference photograph of Mallory that matched"):
        crop = page.get_by_alt_text(text)
        crop.scroll_into_view_if_needed()
        expect(crop).to_be_visible()
        page.wait_for_function("img => img.complete && img.naturalWidth > 0", arg=crop.element_handle())
    frame = page.locator(".fa-evidence .fa-picture").bounding_box()
    drawn = page.locator(".fa-evidence rect.fa-match").bounding_box()
    assert frame and drawn
    assert (drawn["x"] - frame["x"]) / frame["width"] == pytest.approx(300 / 720, abs=0.01)
    assert drawn["width"] / frame["width"] == pytest.approx(121 / 720, abs=0.01)
    page.evaluate("scrollTo(0, 0)")
    shoot(page, "image-match")
    page.goto(live_server.url + reverse("admin:recognition_processedimage_changelist"))
    shoot(page, "images")
    page.goto(live_server.url + reverse("admin:recognition_job_changelist"))
    shoot(page, "jobs")
    page.goto(live_server.url + reverse("admin:recognition_job_change", args=[image.job_id]))
    shoot(page, "job")


def test_entries_are_switched_off_in_bulk(at_work: Page, live_server: LiveServer, client_a: Client) -> None:
    page = at_work
    for name, colour in (("Mallory", RED), ("Trudy", GREEN)):
        create_entry(client=client_a, name=name, uploads=[Upload(picture(colour, side=120), "face.png")])
    page.goto(live_server.url + reverse("admin:blacklist_blacklistentry_changelist"))
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("deactivate")
    shoot(page, "entries-selected")
    follow(page.get_by_role("button", name="Run"))
    expect(page.get_by_text("Deactivated: 2.")).to_be_visible()
    assert not BlacklistEntry.objects.filter(is_active=True).exists()
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option("delete_selected")
    follow(page.get_by_role("button", name="Run"))
    expect(page.get_by_text("(1 photograph)")).to_be_visible()
    shoot(page, "entries-delete")


def test_people_are_looked_at_and_their_faces_erased(at_work: Page, live_server: LiveServer, client_a: Client) -> None:
    page = at_work
    for name, colour in (("Jane Example", RED), ("Jill Example", GREEN)):
        upload = Upload(picture(colour, side=120), "face.png")
        whom = Whom(external_id=name.lower(), name=name, source="staff")
        enrol_face(client=client_a, upload=upload, whom=whom)
    set_calibration(client=client_a, space="default", threshold=0.15, false_match_rate=0.001, note="measured in May")
    page.goto(live_server.url + reverse("admin:people_person_changelist"))
    shoot(page, "people")
    follow(page.locator("#result_list").get_by_role("link", name="Jane Example", exact=True))
    expect(page.get_by_alt_text("Photograph 1 of Jane Example: face.png")).to_be_visible()
    shoot(page, "person")
    page.goto(live_server.url + reverse("admin:people_person_changelist"))
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("erase_faces")
    follow(page.get_by_role("button", name="Run"))
    expect(page.get_by_text("This cannot be undone")).to_be_visible()
    shoot(page, "people-erase")
    follow(page.get_by_role("button", name="Erase the faces"))
    expect(page.get_by_text("Erased: 2 photographs with 2 files.")).to_be_visible()
    assert not ReferenceImage.objects.exists()
    page.goto(live_server.url + reverse("admin:calibration_spacecalibration_changelist"))
    shoot(page, "calibrations")


def test_changing_the_model_of_a_nextcloud_has_to_be_confirmed(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client
) -> None:
    row, _ = create_api_key(client_name=client_a.name)
    KeyModel.objects.create(api_key=row, model=3, computed_at=timezone.now())
    log_in(page, live_server, admin_user)
    follow(page.get_by_role("link", name="Nextcloud models").first)
    shoot(page, "nextcloud-models")
    follow(page.get_by_role("link", name=str(row)))
    page.locator("#id_model").select_option(label="1: CNN, 5 landmarks")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Faces were computed with model 3").first).to_be_visible()
    shoot(page, "nextcloud-confirm")
    page.locator("#id_confirm").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("changed successfully")).to_be_visible()
    assert KeyModel.objects.get().model == 1


def test_liveness_sessions_can_be_looked_at(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client
) -> None:
    session = start_session(client=client_a, purpose="onboarding", subject="u-17")
    cancel_session(session=start_session(client=client_a, purpose="payment", subject="customer 4711", source="branch"))
    log_in(page, live_server, admin_user)
    page.goto(live_server.url + reverse("admin:liveness_livenesssession_changelist"))
    expect(page.get_by_text("customer 4711")).to_be_visible()
    shoot(page, "liveness-sessions")
    follow(page.get_by_role("link", name=str(session.pk)[:8]))
    expect(page.get_by_text("u-17").first).to_be_visible()
    expect(page.get_by_text(session.nonce)).to_have_count(0)
    shoot(page, "liveness-session")
    page.goto(live_server.url + reverse("admin:clients_client_change", args=[client_a.pk]))
    page.locator("#id_liveness_policy").select_option("both")
    shoot(page, "client-policy")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("changed successfully")).to_be_visible()
    assert Client.objects.get().liveness_policy == "both"


def test_the_models_are_shown_with_licences_and_files(page: Page, live_server: LiveServer, admin_user: User) -> None:
    log_in(page, live_server, admin_user)
    page.locator(f"a[href='{reverse('models')}']").click()
    expect(page.get_by_role("heading", name="Enabled engines")).to_be_visible()
    recognisers = page.locator("section", has=page.get_by_role("heading", name="Recognition models"))
    expect(recognisers.locator("h3", has_text="mobilefacenet192")).to_be_hidden()
    recognisers.get_by_text("not in use").click()
    expect(recognisers.locator("h3", has_text="mobilefacenet192")).to_be_visible()
    expect(recognisers.get_by_text("MS1M-refine-v2").first).to_be_visible()
    shoot(page, "models")
    page.emulate_media(color_scheme="dark")
    page.reload()
    recognisers.get_by_text("not in use").click()
    shoot(page, "models-dark")
