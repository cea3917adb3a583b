"""What is read as a token. Whatever else carries our signature is refused like any other text."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.core.signing import Signer, TimestampSigner

from liveness import tokens
from liveness.exceptions import TokenRefused

SESSION = UUID("7d2064e4-4cf4-4c1c-a04c-5b69e9ebbb9c")


def refusal_of(text: str) -> str:
    with pytest.raises(TokenRefused) as refusal:
        tokens.read(text=text)
    return refusal.value.code


def test_a_token_is_read_as_it_was_signed() -> None:
    token = tokens.Token(SESSION, "Ab3_-x")
    assert tokens.read(text=tokens.sign(token=token)) == token


@pytest.mark.parametrize(
    "payload",
    [
        "",
        ".",
        "no-session.token",
        f"{SESSION}.token",
        f"{SESSION.hex}",
        f"{SESSION.hex}.",
        f"{SESSION.hex}.\0",
        f"{SESSION.hex}.a b",
        f"{SESSION.hex}.token\n",
        f"{SESSION.hex}." + "x" * 65,
        f"{SESSION.hex.upper()}X.token",
        f"{SESSION.hex[:-1]}.token",
        "\N{ARABIC-INDIC DIGIT ONE}" * 32 + ".token",
    ],
)
def test_a_signature_alone_makes_no_token(payload: str) -> None:
    assert refusal_of(TimestampSigner(salt=tokens.SALT).sign(payload)) == "liveness.token_invalid"


@pytest.mark.parametrize("stamp", ["", "!", "\N{SUPERSCRIPT TWO}", "z" * 300])
def test_nor_does_one_over_a_time_that_cannot_be_read(stamp: str) -> None:
    text = Signer(salt=tokens.SALT).sign(f"{SESSION.hex}.token:{stamp}")
    assert refusal_of(text) == "liveness.token_invalid"


@pytest.mark.parametrize("text", ["", ":", "a:b:c", "\0", "\ud800:1:x"])
def test_other_texts_are_refused(text: str) -> None:
    assert refusal_of(text) == "liveness.token_invalid"


def test_a_signature_without_a_time_makes_no_token() -> None:
    assert refusal_of(Signer(salt=tokens.SALT).sign("no-time")) == "liveness.token_invalid"
