"""A method is written once, as a generator, and becomes an ordinary or an asynchronous one by the client it is on."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

import httpx

from faceapp_client.decoding import decode
from faceapp_client.errors import FOREIGN, FaceAppError
from faceapp_client.retries import Flow, Request, Retries, send

if TYPE_CHECKING:
    from faceapp_client.clients import Async, Sync

P = ParamSpec("P")
T = TypeVar("T")
PAGE = 100  # items that a page holds at most


class Driver:
    """Carries flows out: `clients.Sync` or `clients.Async`."""

    retries: Retries

    def run(self, flow: Flow[Any]) -> Any:
        raise NotImplementedError

    def iterate(self, pages: Pages[Any]) -> Any:
        raise NotImplementedError


D = TypeVar("D", bound=Driver)


class Resource(Generic[D]):
    """A group of methods on one client."""

    def __init__(self, driver: D) -> None:
        self._driver = driver

    def _answer(self, kind: type[T], request: Request) -> Flow[T]:
        """The answer's JSON as `kind`."""
        response = yield from send(request, self._driver.retries)
        return read_response(kind, response)

    def _no_answer(self, request: Request) -> Flow[None]:
        """A call whose answer has no body."""
        yield from send(request, self._driver.retries)

    def _bytes(self, path: str) -> Flow[bytes]:
        request = Request("GET", path, headers={"Accept": "*/*"}, idempotent=True)
        response = yield from send(request, self._driver.retries)
        return response.content


UNREADABLE = (KeyError, TypeError, ValueError)  # what decoding raises for the JSON of another program, or for none


def read_response(kind: type[T], response: httpx.Response) -> T:
    """The JSON of an answer as `kind`. Raises `FaceAppError` when another program than this service answered."""
    try:
        return decode(kind, response.json())
    except UNREADABLE as error:
        raise _foreign_answer() from error


def _foreign_answer() -> FaceAppError:
    return FaceAppError("This is not an answer of a faceapp service. Is the address right?", code=FOREIGN)


@dataclass(frozen=True)
class Envelope:
    """How the service writes a page."""

    items: list[Any]
    total_items: int


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some items of a list, and the query of the next page; None after the last one."""

    items: list[T]
    following: Mapping[str, Any] | None


@dataclass(frozen=True)
class Pages(Generic[T]):
    """A list that the service answers page by page; `kind` is the class of an item."""

    kind: type[T]
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> Mapping[str, Any]:
        """The query of the first page."""
        return {**self.params, "limit": PAGE, "offset": 0}

    def read(self, retries: Retries, query: Mapping[str, Any]) -> Flow[Page[T]]:
        """One page. The service's link to the next one keeps the list still while items are added to it."""
        response = yield from send(Request("GET", self.path, query, idempotent=True), retries)
        try:
            envelope = decode(Envelope, response.json())
            items = [decode(self.kind, item) for item in envelope.items]
        except UNREADABLE as error:
            raise _foreign_answer() from error
        if "next" in response.links:
            link = httpx.URL(response.links["next"]["url"]).params
            several = {name: link.get_list(name) for name in link}
            return Page(items, {name: values if values[1:] else values[0] for name, values in several.items()})
        reached = int(query["offset"]) + len(items)
        return Page(items, {**query, "offset": reached} if items and reached < envelope.total_items else None)


class call(Generic[P, T]):  # noqa: N801  # a decorator
    """A method whose generator the client carries out: it answers T, or something to await."""

    def __init__(self, function: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        self.function = function
        functools.update_wrapper(cast(Any, self), function)

    @overload
    def __get__(self, resource: Resource[Sync], owner: Any = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, resource: Resource[Async], owner: Any = None) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, resource: Any, owner: Any = None) -> Any:
        if resource is None:
            return self

        @functools.wraps(self.function)
        def method(*arguments: P.args, **options: P.kwargs) -> Any:
            return resource._driver.run(self.function(resource, *arguments, **options))

        return method


class listing(Generic[P, T]):  # noqa: N801  # a decorator
    """A method that goes through a list: for `for`, or for `async for`."""

    def __init__(self, function: Callable[Concatenate[Any, P], Pages[T]]) -> None:
        self.function = function
        functools.update_wrapper(cast(Any, self), function)

    @overload
    def __get__(self, resource: Resource[Sync], owner: Any = None) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, resource: Resource[Async], owner: Any = None) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, resource: Any, owner: Any = None) -> Any:
        if resource is None:
            return self

        @functools.wraps(self.function)
        def method(*arguments: P.args, **options: P.kwargs) -> Any:
            return resource._driver.iterate(self.function(resource, *arguments, **options))

        return method


def given(**values: Any) -> dict[str, Any]:
    """Only what the caller set."""
    return {name: value for name, value in values.items() if value is not None}


def form(**values: Any) -> dict[str, Any]:
    """The same as the fields of a form: words for booleans, one field for each item of a list."""

    def written(value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list | tuple):
            return [str(item) for item in value]
        return json.dumps(value) if isinstance(value, dict) else str(value)

    return {name: written(value) for name, value in given(**values).items()}
