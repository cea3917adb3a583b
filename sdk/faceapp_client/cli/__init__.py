"""The command `faceapp`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper

from rich.console import Console

from faceapp_client.cli.arguments import parser
from faceapp_client.cli.commands import COMMANDS, Run
from faceapp_client.cli.configuration import ConfigurationError, connection
from faceapp_client.cli.escaping import cell
from faceapp_client.clients import FaceApp
from faceapp_client.errors import FOREIGN, ConnectionFailed, FaceAppError, NotPermitted

DONE, SOME_FAILED, WRONG_USE, NO_SERVICE, INTERRUPTED = 0, 1, 2, 3, 130
FATAL = (ConnectionFailed, NotPermitted)  # nothing else will work either


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 all done, 1 something failed, 2 wrong use, 3 no service or a refused key, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show a letter shows its number
            stream.reconfigure(errors="backslashreplace")
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    options = parser().parse_args(arguments)
    try:
        where = connection(options)
        with FaceApp(where.url, where.key) as service:
            run = Run(service, options, Console(highlight=False), errors)
            try:
                COMMANDS[options.command](run)
            finally:  # also what was found out before something went wrong
                run.show()
            return SOME_FAILED if run.failed else DONE
    except ConfigurationError as error:
        return _failed(errors, str(error), WRONG_USE)
    except FaceAppError as error:
        fatal = isinstance(error, FATAL) or error.code == FOREIGN
        return _failed(errors, str(error), NO_SERVICE if fatal else SOME_FAILED)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return DONE
    except OSError as error:  # a file without which nothing can be done
        return _failed(errors, f"{error.filename}: {error.strerror}", SOME_FAILED)
    except KeyboardInterrupt:
        return _failed(errors, "Interrupted.", INTERRUPTED)


def _failed(errors: Console, message: str, code: int) -> int:
    errors.print(f"[red]faceapp: {cell(message)}[/red]")
    return code
