"""Groups faces that match into people."""

from __future__ import annotations

from collections.abc import Sequence

Edge = tuple[int, int, float]  # two vertices, counted from 0, and how close they are (above 0)


def whisper(count: int, edges: Sequence[Edge]) -> list[int]:
    """A label for each of `count` vertices: those of one cluster have the same one.

    Chinese Whispers (Biemann, TextGraphs 2006), as in dlib: repeatedly, a vertex takes the label that weighs
    most among its neighbours. A few wrong edges between two dense clusters are outvoted, where connected components
    would merge them. The same edges in the same order always give the same labels.
    """
    if not edges:
        return list(range(count))
    import dlib

    labels = [int(label) for label in dlib.chinese_whispers([*edges])]
    first = max(labels) + 1  # dlib knows vertices up to the last one with an edge only
    return labels + list(range(first, first + count - len(labels)))
