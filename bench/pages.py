"""How long the pages of the console take, each of them, with a full database and row-level security.

The pages are found as a user finds them: by their routes, and by links from other pages.
"""

from __future__ import annotations

import gc
import logging
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import psutil
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from bench.report import Line
from bench.search import directions, fill_gallery, fill_list
from clients.models import Client, Membership, Role
from console.state import current_state
from console.tests.walk import HTML, walk
from faceapp.tests.database_roles import acting_as_owner
from vision.engines import DEFAULT, engines
from walls.current import EVERYONE, showing

IMAGES, OTHERS, ENTRIES = 100_000, 30_000, 10_000  # images of the client, and of another one
HOST = "localhost"
AGAIN = 7  # requests of each page, after one that does not count
# Each fifth image has a hit. Entry and state go round at different paces, so that every entry has hits of every state.
FILLING = (
    """INSERT INTO recognition_job (id, client_id, engine, detector, metric, threshold, queue, created_at)
        SELECT gen_random_uuid(), %(client)s, 'default', '', 'cosine', 0.6, 'bulk',
            now() - (%(images)s / 100 - n) * interval '1 hour' FROM generate_series(1, %(images)s / 100) AS n""",
    """INSERT INTO recognition_processedimage (client_id, job_id, position, uuid, number, image, identifier, status,
            attempts, claim, error_code, error, created_at, finished_at, width, height, milliseconds, threshold,
            false_match_rate, people)
        SELECT %(client)s, job.id, place, gen_random_uuid(), 100 * (job.row - 1) + place + 1,
            'processed/1/' || md5(job.row::text || place) || '.enc.jpg',
            'gate-' || job.row %% 9 || '-' || job.row || '-' || place || '.jpg',
            CASE WHEN place = 50 THEN 'failed' ELSE 'done' END, 1, 'bench', '', '', job.created_at,
            job.created_at + interval '1 minute', 1280, 960, 120, 0.6, 0.00001, 10000
        FROM (SELECT *, row_number() OVER (ORDER BY created_at) AS row FROM recognition_job
            WHERE client_id = %(client)s) AS job, generate_series(0, 99) AS place ORDER BY job.row, place""",
    """INSERT INTO recognition_processedface (image_id, client_id, index, box_x, box_y, box_w, box_h, confidence,
            quality, landmarks, liveness) SELECT id, client_id, 0, 400, 300, 200, 240, 0.99,
            '{"recognisability": 0.93, "sharpness": 0.7, "brightness": 0.5, "yaw": 3.2, "pitch": -1.5, "roll": 0.4}',
            '{"left_eye": [450, 380], "right_eye": [550, 380], "nose": [500, 440]}', 0.98
        FROM recognition_processedimage WHERE client_id = %(client)s AND status = 'done' ORDER BY id""",
    """INSERT INTO recognition_match (face_id, client_id, entry_id, reference_image_id, identity, model, detector,
            metric, distance, threshold, decision, found_on, state, decided_at)
        SELECT face.id, face.client_id, photograph.person_id, photograph.id, 'blacklist_db/x/y.jpg', 'pair128', 'yunet',
            'cosine', 0.4, 0.6, CASE WHEN image.number %% 4 = 0 THEN 'review' ELSE 'match' END, image.created_at::date,
            judged.state, CASE WHEN judged.state <> 'open' THEN now() END
        FROM recognition_processedimage AS image
        JOIN recognition_processedface AS face ON face.image_id = image.id
        JOIN LATERAL (SELECT (ARRAY['open', 'open', 'open', 'dismissed', 'dismissed', 'confirmed', 'unsure'])
            [1 + image.number / 5 %% 7] AS state) AS judged ON true
        JOIN (SELECT photograph.*, row_number() OVER (ORDER BY photograph.id) AS row
            FROM people_referenceimage AS photograph JOIN people_person AS person ON person.id = photograph.person_id
            WHERE person.client_id = %(client)s AND person.kind = 'blacklist') AS photograph
            ON photograph.row = 1 + image.number * 7919 / 5 %% %(entries)s
        WHERE image.client_id = %(client)s AND image.number %% 5 = 0 ORDER BY image.number""",
    """INSERT INTO recognition_verdict (client_id, match_id, user_id, said, note, given_at, counts)
        SELECT client_id, id, %(user)s, state, '', now(), true FROM recognition_match
        WHERE client_id = %(client)s AND state <> 'open'""",
)
COUNTER = (
    "INSERT INTO clients_counter (client_id, kind, last) VALUES (%s, %s, %s)"
    " ON CONFLICT (client_id, kind) DO UPDATE SET last = excluded.last"
)
# The list of images with filters that find much, little and nothing, and images and hits in the middle.
NARROWED = (
    ("images", "show=hits"),
    ("images", "show=failed"),
    ("images", "person=person+777"),
    ("images", "person=nobody"),
    ("images", "text=gate-7"),
    ("images", "text=nothing"),
    ("images", "before=50000"),
    ("images", "show=hits&before=300"),
    ("review", "state=dismissed"),
    ("review", "page=500"),
    ("jobs", "page=40"),
)


@dataclass(frozen=True)
class Page:
    """Milliseconds of `requests` requests in this process: without network and pictures.

    `processor_ms`: of this process and its session with the database, on average. Other programs do not change it.
    """

    address: str
    requests: int
    median_ms: float
    worst_ms: float
    processor_ms: float
    queries: int  # all of them, with those for session, role, client and audit

    def line(self) -> Line:
        took = f"{self.median_ms:.0f} ms, worst {self.worst_ms:.0f} ms"
        return f"page {self.address}", took, f"processor {self.processor_ms:.0f} ms", f"{self.queries} queries"


def measure() -> list[Page]:
    """As a manager of the client."""
    browser = fill()
    with nothing_remembered():
        return list(timed(browser))


def fill() -> Browser:
    """A manager of a client with `IMAGES`, who is logged in. The client stays."""
    browser = Browser(SERVER_NAME=HOST)
    for name, images, entries in (("others", OTHERS, 100), ("pages", IMAGES, ENTRIES)):
        user = User.objects.create(username=name, is_staff=True)
        client = Client.objects.create(name=name)
        Membership.objects.create(user=user, client=client, role=Role.MANAGER)
        _fill(client, user, images=images, entries=entries)
        browser.force_login(user)
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return browser


def _fill(client: Client, user: User, *, images: int, entries: int) -> None:
    space, random = engines[DEFAULT].space, np.random.default_rng(1)
    fill_list(client, space.name, directions(random, entries))
    fill_gallery(client, space.name, directions(random, entries))
    values = {"client": client.pk, "user": user.pk, "images": images, "entries": entries}
    counters = (("person", 2 * entries), ("processed_image", images))
    with acting_as_owner(), showing(EVERYONE), connection.cursor() as cursor:
        for statement in FILLING:
            cursor.execute(statement % values)
        for kind, last in counters:
            cursor.execute(COUNTER, [client.pk, kind, last])


@contextmanager
def nothing_remembered() -> Iterator[None]:
    """Figures that the pages share for half a minute are counted for each request."""
    with mock.patch("console.system.remembered.SECONDS", 0):
        cache.clear()
        current_state()  # which is remembered as usual
        yield


def timed(browser: Browser) -> Iterator[Page]:
    """The address of each page with its times, after what is loaded is frozen, as the web server does it."""
    logging.getLogger("django.request").setLevel(logging.ERROR)  # pictures of these rows are not found
    found = [visit.url for visit in walk(browser) if visit.is_page]
    narrowed = [f"{reverse(f'console:{name}')}?{query}" for name, query in NARROWED]
    inside = [f"{reverse('console:image', args=[IMAGES // 2])}?show=hits"]
    gc.collect()
    gc.freeze()
    for address in sorted([*found, *narrowed, *inside]):
        yield _timed(browser, address)


def _timed(browser: Browser, address: str) -> Page:
    asked: list[str] = []

    def count(execute: Any, sql: str, *given: Any) -> Any:
        asked.append(sql)
        return execute(sql, *given)

    with connection.execute_wrapper(count):
        browser.get(address, headers=HTML)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        session = psutil.Process(cursor.fetchone()[0])
    begun = _processor(session)
    times = [_ms(partial(browser.get, address, headers=HTML)) for _ in range(AGAIN)]
    processor = (_processor(session) - begun) * 1000 / AGAIN
    return Page(address, AGAIN, statistics.median(times), max(times), processor, len(asked))


def _processor(session: psutil.Process) -> float:
    """Seconds so far."""
    of_session = session.cpu_times()
    return time.process_time() + float(of_session.user + of_session.system)


def _ms(call: partial[Any]) -> float:
    started = time.perf_counter()
    answer = call()
    taken = (time.perf_counter() - started) * 1000
    if answer.status_code != 200:
        raise SystemExit(f"{call.args[0]} answered {answer.status_code}")
    return taken
