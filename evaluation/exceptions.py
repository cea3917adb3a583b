"""Sets of photographs that no rates can be measured on. Codes are stable and documented in docs/errors.md."""

from errors import InvalidInput


class UnusableSet(InvalidInput):
    """Nobody's face can be used (`evaluate.nobody`), there is one person (`evaluate.one_person`) or one photograph of
    each (`evaluate.one_photograph_each`), or every group has one person (`evaluate.groups_of_one`).
    """

    code = "evaluate.nobody"
