"""What can be wrong with a calibration."""

from errors import Unavailable, Unprocessable


class UnusableCalibration(Unprocessable):
    """No such space, or a threshold or rate out of range."""

    code = "person.bad_value"


class DamagedTable(Unavailable):
    """A table of measured rates that cannot be used: no decision can be made by it."""

    code = "calibration.table_damaged"
