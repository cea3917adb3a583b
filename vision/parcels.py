"""Images on their way to a worker lie in Redis while somebody waits, and each client has a budget of bytes there.

Redis keeps, for each client, a name for each image that begins with its size, with the time after which it is gone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from vision import dispatch
from vision.exceptions import TooManyBytes

MEGABYTE = 1_000_000
RETRY_AFTER = 2

# KEYS: names of the client's images, the image. ARGV: bytes of the budget (0: none), seconds, name, image. Answers 1 if
# the image is there now. A single image may be larger than the budget.
PUT = f"""{dispatch.NOW}
local there = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  there = there + tonumber(string.match(name, '^%d+'))
end
local budget = tonumber(ARGV[1])
if budget > 0 and there > 0 and there + #ARGV[4] > budget then return 0 end
enter(ARGV[3])
redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[2])
return 1
"""


@contextmanager
def parcel(data: bytes, *, seconds: int) -> Iterator[str]:
    """The key under which a worker finds the image, for so long at most.

    Raises `TooManyBytes` if the images of the client for whom this thread acts take too much room, or `RedisError`.
    """
    client, number = dispatch.acting_for(), uuid.uuid4().hex
    key, names, name = f"faceapp:image:{number}", f"faceapp:parcels:{client}", f"{len(data)}:{number}"
    try:
        if not client:
            dispatch.handoff().set(key, data, ex=seconds)
        elif not _put()([names, key], [settings.CLIENT_WAITING_MB * MEGABYTE, seconds, name, data]):
            limit = settings.CLIENT_WAITING_MB
            message = f"Images of this client that wait for workers take {limit} MB. Try again when some are done."
            raise TooManyBytes(message, retry_after=RETRY_AFTER)
        yield key
    finally:
        with suppress(RedisError), dispatch.handoff().pipeline(transaction=False) as commands:
            commands.delete(key)
            commands.zrem(names, name)
            commands.execute()


@lru_cache(maxsize=1)
def _put() -> Callable[..., Any]:
    return dispatch.handoff().register_script(PUT)
