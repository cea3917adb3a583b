"""The tables of models and of their files in docs/engines.md, made from the model cards."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from environment import BASE_DIR
from vision.engines.cards import CARDS, Card

START, END = "<!-- model cards: start -->\n", "<!-- model cards: end -->\n"


class Command(BaseCommand):
    help = "Prints the tables of models and files, or writes them into docs/engines.md."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="write them into docs/engines.md")

    def handle(self, *, write: bool, **options: Any) -> None:
        if not write:
            self.stdout.write(tables())
            return
        file = BASE_DIR / "docs" / "engines.md"
        before, _, rest = file.read_text(encoding="utf-8").partition(START)
        after = rest.partition(END)[2]
        file.write_text(f"{before}{START}{tables()}{END}{after}", encoding="utf-8")


def tables() -> str:
    """Both tables as Markdown."""
    models = [_model_row(card) for card in CARDS]
    files = dict.fromkeys(file for card in CARDS for file in card.files)
    sources = [
        f"| `{file.name}` | {file.origin} | {f'`{file.sha256}`' if file.sha256 else 'not pinned'} |" for file in files
    ]
    return "\n".join(
        [
            "",
            "| model | what it is | weights; code | trained on | stated by | accuracy | files |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *models,
            "",
            "| file | comes from | SHA-256 |",
            "| --- | --- | --- |",
            *sources,
            "",
            "",
        ]
    )


def _model_row(card: Card) -> str:
    files = ", ".join(f"`{file.name}`" for file in card.files) or "in the package"
    kind = f"{card.kind}: {card.title}"
    licences = f"{card.licence}; {card.code_licence}"
    return (
        f"| **{card.name}** | {kind} | {licences} | {card.training_data} | {card.source} | {card.accuracy} | {files} |"
    )
