"""What can be wrong with a calibration."""

from errors import Unprocessable


class UnusableCalibration(Unprocessable):
    """No such space, or a threshold or rate out of range."""

    code = "person.bad_value"
