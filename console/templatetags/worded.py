"""Filters that say something in the language of the page."""

from __future__ import annotations

from datetime import datetime

from django import template

from console import problems, times

register = template.Library()


@register.filter
def worded(message: str, code: str) -> str:
    """`{{ image.error|worded:image.error_code }}`: an error that was stored in English."""
    return problems.sentence(message, code)


@register.filter
def ago(moment: datetime) -> str:
    """`{{ job.created_at|ago }}`"""
    return times.ago(moment)
