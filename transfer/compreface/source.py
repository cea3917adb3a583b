"""Where people of a CompreFace server are read from: a dump, its database, or its API."""

from __future__ import annotations

from typing import Protocol

from transfer.compreface.catalogue import Catalogue


class Source(Protocol):
    """`catalogue` lists everything; pictures are asked for one by one."""

    catalogue: Catalogue

    def picture(self, name: str) -> bytes | None:
        """The file that `Example.picture` names; None if it is not there. Raises `Unavailable` or `BadLayout`."""
