"""Which messages the pages have: read from the source of modules, and from templates as Django itself parses them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.template import Engine, Template
from django.template.base import Node, TextNode
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

from environment import BASE_DIR

# The folders of templates whose pages are in several languages; the others belong to the admin and the API.
PAGES = ("account", "allauth", "clients", "console", "login", "mfa", "socialaccount")
ENGLISH = {"tests", "migrations", "sdk", "locale", "languages"}
# Of a library that is in English alone: the page on which a client is chosen has them.
FOREIGN = {"unfold": ("Return to site", "Light", "Dark")}
SINGULAR = {"gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}


@dataclass(frozen=True)
class Message:
    """One text, or the singular and plural of one; `place` is the file that has it, relative to the project."""

    text: str
    plural: str
    place: str


def messages() -> list[Message]:
    """Every message of the project, by file."""
    found = [Message(text, "", library) for library, texts in FOREIGN.items() for text in texts]
    found += [message for file in modules() for message in of_module(file)]
    return found + [message for file in templates() for message in of_template(file)]


def modules() -> list[Path]:
    """Our own modules that ask for translations."""
    files = [file for file in BASE_DIR.glob("*/**/*.py") if not ENGLISH & set(file.relative_to(BASE_DIR).parts)]
    ours = (file for file in files if not any(part.startswith(".") for part in file.relative_to(BASE_DIR).parts))
    return sorted(file for file in ours if "django.utils.translation" in file.read_text(encoding="utf-8"))


def templates() -> list[Path]:
    folder = BASE_DIR / "templates"
    files = [*folder.glob("*.html"), *(file for page in PAGES for file in (folder / page).rglob("*.*"))]
    return sorted(files)


def of_module(file: Path) -> Iterator[Message]:
    """Raises `ValueError` for a message that is not a plain text: nobody could translate it."""
    place, tree = str(file.relative_to(BASE_DIR)), ast.parse(file.read_text(encoding="utf-8"))
    names = names_in(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        name = names.get(node.func.id, "")
        wanted = 1 if name in SINGULAR else 2 if name in PLURAL else 0
        if not wanted:
            continue
        given = [one.value for one in node.args[:wanted] if isinstance(one, ast.Constant)]
        texts = [text for text in given if isinstance(text, str)]
        if len(texts) == wanted:
            yield Message(texts[0], texts[1] if wanted == 2 else "", place)
        elif not isinstance(node.args[0], ast.Name):  # a name stands for a text that is marked where it is defined
            raise ValueError(f"{place}:{node.lineno}: a message must be a text, not an expression.")


def names_in(tree: ast.Module) -> dict[str, str]:
    """What a module calls Django's functions, `_` for example."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = (node for node in imports if node.module == "django.utils.translation")
    return {alias.asname or alias.name: alias.name for node in ours for alias in node.names}


def of_template(file: Path) -> Iterator[Message]:
    place = str(file.relative_to(BASE_DIR))
    for node in nodes_of(file):
        if isinstance(node, BlockTranslateNode):
            text, _names = node.render_token_list(node.singular)
            plural = node.render_token_list(node.plural)[0] if node.plural else ""
            yield Message(text, plural, place)
        elif isinstance(node, TranslateNode):
            literal = node.filter_expression.var.literal
            if isinstance(literal, str):  # what a variable holds is marked where it comes from
                yield Message(literal.replace("%", "%%"), "", place)


def texts_of(file: Path) -> list[str]:
    """What a template says outside of messages."""
    return [node.s for node in nodes_of(file) if isinstance(node, TextNode)]


def nodes_of(file: Path) -> list[Node]:
    template = Template(file.read_text(encoding="utf-8"), engine=Engine.get_default())
    found: list[Node] = []
    for kind in (TextNode, TranslateNode, BlockTranslateNode):
        found += template.nodelist.get_nodes_by_type(kind)
    return found
