"""The two clients: `FaceApp` and `AsyncFaceApp`, which drive the same generators."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from faceapp_client.api import Api
from faceapp_client.endpoints import Driver, Pages
from faceapp_client.retries import Flow, Pause, Request, Retries, Step

T = TypeVar("T")
Outcome = httpx.Response | httpx.TransportError | None  # of a request; None of a pause
TIMEOUT = 90.0  # seconds; the service itself answers after 60 at the latest


def _options(url: str, key: str, timeout: float) -> dict[str, Any]:
    """The options of an httpx client."""
    headers = {"Authorization": f"Api-Key {key}", "Accept": "application/json", "User-Agent": "faceapp-client/1.0"}
    return {"base_url": url.rstrip("/"), "headers": headers, "timeout": httpx.Timeout(timeout, connect=10.0)}


def _arguments(request: Request) -> dict[str, Any]:
    """The parts of a request by the names that httpx gives them."""
    return {
        "params": dict(request.params) or None,
        "json": request.json,
        "data": dict(request.form) or None,
        "files": list(request.files) or None,
        "headers": dict(request.headers),
    }


def _resumed(flow: Flow[T], outcome: Outcome) -> Step:
    """Pass the outcome of its step to a flow; returns the next step. Raises `StopIteration` with the flow's result."""
    return flow.throw(outcome) if isinstance(outcome, Exception) else flow.send(outcome)


class Sync(Driver):
    """Carries flows out one after the other."""

    def __init__(self, http: httpx.Client, retries: Retries) -> None:
        self.http, self.retries = http, retries

    def run(self, flow: Flow[T]) -> T:
        """The flow's result. Raises `FaceAppError`."""
        try:
            step: Step = next(flow)
            while True:
                step = _resumed(flow, self._outcome(step))
        except StopIteration as stop:
            answer: T = stop.value
            return answer

    def iterate(self, pages: Pages[T]) -> Iterator[T]:
        """Every item, a page at a time, as far as they are asked for."""
        query: Mapping[str, Any] | None = pages.first
        while query is not None:
            page = self.run(pages.read(self.retries, query))
            yield from page.items
            query = page.following

    def _outcome(self, step: Step) -> Outcome:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            return self.http.request(step.method, step.path, **_arguments(step))
        except httpx.TransportError as error:
            return error


class Async(Driver):
    """Carries flows out on an event loop."""

    def __init__(self, http: httpx.AsyncClient, retries: Retries) -> None:
        self.http, self.retries = http, retries

    async def run(self, flow: Flow[T]) -> T:
        """As `Sync.run`."""
        try:
            step: Step = next(flow)
            while True:
                step = _resumed(flow, await self._outcome(step))
        except StopIteration as stop:
            answer: T = stop.value
            return answer

    async def iterate(self, pages: Pages[T]) -> AsyncIterator[T]:
        """As `Sync.iterate`."""
        query: Mapping[str, Any] | None = pages.first
        while query is not None:
            page = await self.run(pages.read(self.retries, query))
            for item in page.items:
                yield item
            query = page.following

    async def _outcome(self, step: Step) -> Outcome:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return await self.http.request(step.method, step.path, **_arguments(step))
        except httpx.TransportError as error:
            return error


class FaceApp(Api[Sync]):
    """A faceapp service. `url`: its address; `key`: an API key; `timeout`: seconds for one answer.

    Connections are kept between calls: use it in a `with` block, or `close` it. Threads may share it.
    """

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT, retries: Retries | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(**_options(url, key, timeout))
        super().__init__(Sync(self._http, retries or Retries()))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncFaceApp(Api[Async]):
    """`FaceApp` for asyncio: the same methods, to be awaited; lists are read with `async for`."""

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT, retries: Retries | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.AsyncClient(**_options(url, key, timeout))
        super().__init__(Async(self._http, retries or Retries()))

    def close(self) -> Coroutine[Any, Any, None]:
        return self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
