"""What can be typed after `faceapp`."""

from __future__ import annotations

import argparse
from typing import Any

DESCRIPTION = "Detect, compare, enrol, search and screen faces with a faceapp service."
EPILOGUE = """\
Address and key come from the options, from FACEAPP_URL and FACEAPP_API_KEY, or from ~/.config/faceapp/config.toml
(url = "http://localhost:8000", key = "..."). Other users of a computer can see options, so prefer the others for keys.
A folder stands for the files in it that are named as images. Exit codes: 0 all done, 1 something failed, 2 wrong use,
3 no service or a refused key."""
ENROL = "Each file is a person of its name; files in a folder of a folder are one person with that folder's name."
FILES: dict[str, Any] = {"nargs": "+", "metavar": "FILE", "help": "images, or folders with images"}
THRESHOLD: dict[str, Any] = {"type": float, "help": "largest distance of one person"}
Commands = argparse._SubParsersAction


def text(value: str) -> str:
    """An argument that can be sent. Raises `ArgumentTypeError`."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("not valid UTF-8") from None
    return value


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--url", help="address of the service (default: http://localhost:8000)")
    shared.add_argument("--key", help="API key")
    shared.add_argument("--config", metavar="FILE", help="file with url and key")
    shared.add_argument("--json", action="store_true", help="print JSON for programs instead of a table")
    top = argparse.ArgumentParser(prog="faceapp", description=DESCRIPTION, epilog=EPILOGUE)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_image_commands(commands, shared)
    add_enrol_command(commands, shared)
    add_people_commands(commands.add_parser("people", help="list or erase people of the gallery"), shared)
    return top


def add_image_commands(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Those that look for faces in files."""
    detect = commands.add_parser("detect", parents=[shared], help="find faces")
    detect.add_argument("files", **FILES)
    detect.add_argument("--detector", type=text, help="another detector than the service's own")

    compare = commands.add_parser("compare", parents=[shared], help="compare images with the person of the first one")
    compare.add_argument("image", metavar="IMAGE", help="the image with which all others are compared")
    compare.add_argument("files", **FILES)
    compare.add_argument("--threshold", **THRESHOLD)

    search = commands.add_parser("search", parents=[shared], help="identify people of the gallery")
    search.add_argument("files", **FILES)
    search.add_argument("--limit", type=int, default=1, help="people to name for each face (default: 1)")
    source_help = "only this gallery; may be repeated"
    search.add_argument("--source", action="append", dest="sources", type=text, help=source_help)
    search.add_argument("--threshold", **THRESHOLD)

    screen = commands.add_parser("screen", parents=[shared], help="find people on the blacklist")
    screen.add_argument("files", **FILES)
    screen.add_argument("--threshold", **THRESHOLD)


def add_enrol_command(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    enrol = commands.add_parser("enrol", parents=[shared], help="add people to the gallery", description=ENROL)
    enrol.add_argument("files", **FILES)
    enrol.add_argument("--name", type=text, help="all files show this one person")
    id_help = "your own id of the person (with --name; default: the name)"
    enrol.add_argument("--id", dest="external_id", type=text, help=id_help)
    enrol.add_argument("--source", type=text, help="name of the gallery")
    existing_help = "what to do when the id is taken (default: refuse)"
    enrol.add_argument("--on-existing", choices=["refuse", "add", "replace"], help=existing_help)
    enrol.add_argument("--quality", choices=["off", "standard", "strict"], help="quality required of a photograph")


def add_people_commands(people: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """`people list` and `people delete`."""
    actions = people.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", parents=[shared], help="list the people enrolled")
    listed.add_argument("--name", type=text, help="a part of the name")
    listed.add_argument("--id", dest="external_id", type=text, help="your own id")
    listed.add_argument("--source", type=text, help="name of the gallery")
    delete = actions.add_parser("delete", parents=[shared], help="erase people with photographs and embeddings")
    delete.add_argument("people", nargs="+", type=int, metavar="NUMBER", help="as `people list` shows them")
    delete.add_argument("--keep-record", action="store_true", help="erase faces only")
