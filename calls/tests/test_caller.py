"""Whether a caller still waits."""

from __future__ import annotations

import socket
import struct
from contextvars import copy_context

import pytest

from calls import caller
from calls.caller import CallerGone
from calls.tests.leaving import answering

AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: the connection is reset when it is closed


def test_a_caller_who_waits_is_there_whatever_it_sends_in_advance() -> None:
    with answering() as outside:
        assert not caller.caller_is_gone()
        outside.sendall(b"GET / HTTP/1.1\r\n")
        assert not caller.caller_is_gone()
        caller.require_caller()


@pytest.mark.parametrize("resets", [False, True])
def test_a_caller_who_closes_the_connection_is_gone(resets: bool) -> None:
    with answering() as outside:
        outside.sendall(b"unread")
        if resets:
            outside.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        outside.close()
        assert not caller.was_given_up()
        assert copy_context().run(caller.caller_is_gone)  # in a thread of the call
        assert caller.was_given_up()
        with pytest.raises(CallerGone):
            caller.require_caller()


def test_work_for_nobody_goes_on() -> None:
    caller.answer(None)
    assert not caller.caller_is_gone()
    one, other = socket.socketpair()  # the system does not tell of these
    with one, other:
        caller.answer(one)
        other.close()
        assert not caller.caller_is_gone()
    caller.answer(None)
