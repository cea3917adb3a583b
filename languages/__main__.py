"""`python -m languages`: bring the catalogues up to date with the source, and compile them."""

from __future__ import annotations

import os

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceapp.settings")
    django.setup()

    from languages import catalogue
    from languages.extraction import messages

    found = messages()
    for code in catalogue.codes():
        one = catalogue.read(code)
        catalogue.update(one, found)
        catalogue.write(one, code)
        problems = list(catalogue.faults(one, found))
        print(f"{catalogue.file_of(code)}: {len(one)} messages, {len(problems)} to be mended")
        for problem in problems:
            print(f"  {problem}")


main()
