"""What can be typed after `faceapp`."""

from __future__ import annotations

import argparse

DESCRIPTION = "Detect, compare, enrol, search and screen faces with a faceapp service."
EPILOGUE = """\
Address and key come from the options, from FACEAPP_URL and FACEAPP_API_KEY, or from ~/.config/faceapp/config.toml
(url = "http://localhost:8000", key = "..."). Other users of a computer can see options, so prefer the others for keys.
Folders stand for the images in them. Exit codes: 0 all done, 1 something failed, 2 wrong use, 3 no service or a
refused key."""
FILES = {"nargs": "+", "metavar": "FILE", "help": "images, or folders with images"}


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(prog="faceapp", description=DESCRIPTION, epilog=EPILOGUE)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = _shared()
    for add in (_detect, _compare, _enrol, _search, _screen, _people):
        add(commands, shared)
    return top


def _shared() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--url", help="address of the service (default: http://localhost:8000)")
    shared.add_argument("--key", help="API key")
    shared.add_argument("--config", metavar="FILE", help="file with url and key")
    shared.add_argument("--json", action="store_true", help="print JSON for programs instead of a table")
    return shared


def _detect(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser("detect", parents=[shared], help="where are faces?")
    command.add_argument("files", **FILES)  # type: ignore[arg-type]
    command.add_argument("--detector", help="another detector than the service's own")


def _compare(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser("compare", parents=[shared], help="do images show the person of the first one?")
    command.add_argument("image", metavar="IMAGE", help="the image with which all others are compared")
    command.add_argument("files", **FILES)  # type: ignore[arg-type]
    command.add_argument("--threshold", type=float, help="largest distance of one person")


def _enrol(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    help_text = "add people to the gallery"
    about = "Each file is a person of its name; files in a folder of a folder are one person with that folder's name."
    command = commands.add_parser("enrol", parents=[shared], help=help_text, description=about)
    command.add_argument("files", **FILES)  # type: ignore[arg-type]
    command.add_argument("--name", help="all files show this one person")
    command.add_argument("--id", dest="external_id", help="your own id of the person (with --name; default: the name)")
    command.add_argument("--source", help="sub-gallery")
    command.add_argument(
        "--on-existing", choices=["refuse", "add", "replace"], help="when the id is taken (default: refuse)"
    )
    command.add_argument("--quality", choices=["off", "standard", "strict"], help="what a photograph has to be like")


def _search(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser("search", parents=[shared], help="who is it?")
    command.add_argument("files", **FILES)  # type: ignore[arg-type]
    command.add_argument("--limit", type=int, default=1, help="people to name for each face (default: 1)")
    command.add_argument("--source", action="append", dest="sources", help="only this sub-gallery; may be repeated")
    command.add_argument("--threshold", type=float, help="largest distance of one person")


def _screen(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser("screen", parents=[shared], help="is somebody of the blacklist there?")
    command.add_argument("files", **FILES)  # type: ignore[arg-type]
    command.add_argument("--threshold", type=float, help="largest distance of one person")


def _people(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    people = commands.add_parser("people", help="list or erase people of the gallery")
    actions = people.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", parents=[shared], help="who is enrolled?")
    listed.add_argument("--name", help="a part of the name")
    listed.add_argument("--id", dest="external_id", help="your own id")
    listed.add_argument("--source", help="sub-gallery")
    delete = actions.add_parser("delete", parents=[shared], help="erase people with photographs and embeddings")
    delete.add_argument("people", nargs="+", type=int, metavar="NUMBER", help="as `people list` shows them")
    delete.add_argument("--keep-record", action="store_true", help="erase faces only")
