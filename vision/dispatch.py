"""Messages on their way to the workers, client by client.

Whoever comes first is served first by a queue, so that a client with a thousand images would be served a thousand times
before anybody else. Of each client only `CLIENT_AT_ONCE` messages are in a queue or with a worker at a time; its others
wait here, in their order, and follow as those are finished. Work for nobody in particular does not wait.

Redis keeps, for each queue and client, the ids of the messages under way with the time after which they are taken for
lost, and the messages that wait.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import redis
from celery import current_app
from celery.result import AsyncResult
from celery.signals import task_postrun, task_prerun, task_revoked
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from errors import Unavailable
from telemetry import messages
from walls.current import NOBODY, restore, show, shown

QUEUE_SECONDS = 5.0  # for one command to Redis, which may carry a whole image
LOST_SECONDS = 900  # until a message whose end was not reported leaves its place to another
HEADER = "faceapp_client"  # of a message
INTERACTIVE, PATIENT, BULK = "interactive", "patient", "bulk"  # queues; callers of the second have time
IN_TURN = (INTERACTIVE, PATIENT, BULK)

Charge = Callable[[int], object]

_client: ContextVar[str] = ContextVar("client", default="")
_charge: ContextVar[Charge | None] = ContextVar("charge", default=None)

# KEYS: under way, waiting, clients that wait. ARGV: limit, seconds until lost, client; then, of a message, id and text.
# TAKE answers 1 if the message may be sent now. FOLLOW answers the messages that may be sent, after the end of one.
# WITHDRAW takes a message out of those that wait.
NOW = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local function enter(id)
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), id)
  redis.call('EXPIRE', KEYS[1], 2 * tonumber(ARGV[2]))
end
"""
TAKE = f"""{NOW}
if redis.call('LLEN', KEYS[2]) == 0 and redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1]) then
  enter(ARGV[4])
  return 1
end
redis.call('RPUSH', KEYS[2], ARGV[4] .. ' ' .. ARGV[5])
redis.call('SADD', KEYS[3], ARGV[3])
return 0
"""
FOLLOW = f"""{NOW}
redis.call('ZREM', KEYS[1], ARGV[4])
local found = {{}}
while redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1]) do
  local message = redis.call('LPOP', KEYS[2])
  if not message then break end
  enter(string.match(message, '^%S+'))
  found[#found + 1] = message
end
if redis.call('LLEN', KEYS[2]) == 0 then redis.call('SREM', KEYS[3], ARGV[3]) end
return found
"""
WITHDRAW = """
for _, message in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  if string.match(message, '^%S+') == ARGV[4] then redis.call('LREM', KEYS[2], 1, message) end
end
if redis.call('LLEN', KEYS[2]) == 0 then redis.call('SREM', KEYS[3], ARGV[3]) end
"""


@contextmanager
def queue_errors() -> Iterator[None]:
    """Turns what a missing queue raises into `Unavailable` (`queue.unavailable`)."""
    try:
        yield
    except (OperationalError, redis.RedisError) as error:
        raise Unavailable("The queue does not answer.", code="queue.unavailable") from error


@lru_cache(maxsize=1)
def handoff() -> redis.Redis:
    """Redis beside Celery: images on their way to a worker, and messages that wait."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=QUEUE_SECONDS)


@lru_cache(maxsize=1)
def counters() -> redis.Redis:
    """Redis for what is counted. It does not wait for a Redis that is away: nothing is counted then."""
    once_more = Retry(NoBackoff(), 1)  # over a new connection
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=3, retry=once_more)


def act_for(client: str, *, charge: Charge | None = None) -> None:
    """What this thread sends from now on is sent for the client with this number; empty: for nobody.

    `charge` is called with the number of images before they are analysed, and raises if they are too many.
    """
    _client.set(client)
    _charge.set(charge)


def acting_for() -> str:
    """The number of the client for whom this thread acts; empty: nobody's."""
    return _client.get()


def charge(images: int) -> None:
    """Count images of the client for whom this thread acts. Raises what its `charge` raises."""
    if count := _charge.get():
        count(images)


def send(
    task: Any, args: tuple[Any, ...], *, queue: str, expires: float | None = None, client: str | None = None
) -> AsyncResult[Any]:
    """Send a message for `client` (default: whom this thread acts for), or let it wait until it is the client's turn.

    `expires`: seconds, the waiting included. Raises what `queue_errors` turns into `Unavailable`.
    """
    client = _client.get() if client is None else client
    options: dict[str, Any] = {"queue": queue, "headers": {HEADER: client, **messages.origin()}}
    if not client or queue not in IN_TURN or settings.CELERY_TASK_ALWAYS_EAGER:
        result: AsyncResult[Any] = task.apply_async(args, expires=expires, **options)
        return result
    number = options["task_id"] = uuid.uuid4().hex
    if expires is not None:
        options["expires"] = (datetime.now(UTC) + timedelta(seconds=expires)).isoformat()
    text = json.dumps([task.name, args, options])
    if _scripts()[0](_keys(queue, client), [*_limits(client), number, text]):
        try:
            result = task.apply_async(args, **options)
        except Exception:
            _make_room(queue, client, number)
            raise
        return result
    if not task.ignore_result:
        current_app.backend.on_task_call(None, number)  # the answer may come before anybody waits for it
    return AsyncResult(number)


def withdraw(number: str, *, queue: str) -> None:
    """Take back the message with this id that waits for the turn of the client for whom this thread acts.

    One that is in the queue stays there: a worker finds no image and is done with it.
    """
    if (client := _client.get()) and queue in IN_TURN:
        with suppress(redis.RedisError):
            _scripts()[2](_keys(queue, client), [*_limits(client), number])


def waiting(*queues: str) -> int:
    """Messages that wait for the turn of their client in these queues. Raises `Unavailable`."""
    with queue_errors(), handoff().pipeline(transaction=False) as commands:
        for queue in queues:
            clients: set[Any] = handoff().smembers(_holding(queue))
            for client in clients:
                commands.llen(_keys(queue, client.decode())[1])
        return sum(commands.execute())


def connect() -> None:
    """Have every task of this process make room for the next message of its client."""
    task_prerun.connect(_begin, dispatch_uid="vision.dispatch.begin")
    task_postrun.connect(_end, dispatch_uid="vision.dispatch.end")
    task_revoked.connect(_drop, dispatch_uid="vision.dispatch.drop")


def _begin(*, task: Any, **_: Any) -> None:
    """What the task sends is sent for whom it works, and it finds nobody else's rows."""
    here = task.request.is_eager  # in the process of the caller, who may be an administrator
    client = (task.request.headers or {} if here else task.request).get(HEADER) or ""
    rows = client or (shown() if here else NOBODY)
    task.request.before = _client.set(client), _charge.set(None), show(rows)


def _end(*, task: Any, task_id: str, **_: Any) -> None:
    client, queue = _client.get(), task.request.delivery_info.get("routing_key")
    acted_for, charged, shown = task.request.before
    _client.reset(acted_for)
    _charge.reset(charged)
    restore(shown)
    _make_room(queue, client, task_id)


def _drop(*, request: Any, **_: Any) -> None:
    """A message that was too late for its caller is not worked on."""
    _make_room(request.delivery_info.get("routing_key"), request.get(HEADER) or "", request.id)


def _make_room(queue: str, client: str, number: str) -> None:
    if client and queue in IN_TURN:
        with suppress(OperationalError, redis.RedisError):  # its place is free after `LOST_SECONDS`
            _follow(queue, client, number)


def _follow(queue: str, client: str, number: str) -> None:
    """Give the place of a message to the next ones."""
    for message in _scripts()[1](_keys(queue, client), [*_limits(client), number]):
        name, args, options = json.loads(message.partition(b" ")[2])
        current_app.send_task(name, args, **options)


def _keys(queue: str, client: str) -> list[str]:
    return [f"faceapp:under-way:{queue}:{client}", f"faceapp:waiting:{queue}:{client}", _holding(queue)]


def _holding(queue: str) -> str:
    return f"faceapp:waiting:{queue}"


def _limits(client: str) -> list[Any]:
    return [settings.CLIENT_AT_ONCE, LOST_SECONDS, client]


@lru_cache(maxsize=1)
def _scripts() -> tuple[Callable[..., Any], ...]:
    return tuple(map(handoff().register_script, (TAKE, FOLLOW, WITHDRAW)))
