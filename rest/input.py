"""Reading the input of a call."""

from __future__ import annotations

from typing import Any, TypeVar

from rest_framework.generics import GenericAPIView
from rest_framework.serializers import BaseSerializer

Input = TypeVar("Input", bound=BaseSerializer[Any])


def read_input(view: GenericAPIView[Any], serializer: type[Input]) -> Input:
    """The body of the current request, validated. Raises `ValidationError` (422)."""
    given = serializer(data=view.request.data, context=view.get_serializer_context())
    given.is_valid(raise_exception=True)
    return given
