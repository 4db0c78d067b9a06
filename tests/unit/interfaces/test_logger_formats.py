"""The date of log lines."""

import re
import time

from asterism.interfaces.logger.formats import date_of


def test_fractions_of_a_second() -> None:
    seconds = 1700000000.123456
    assert date_of("%3q", seconds) == "123"
    assert re.fullmatch(r"[\d-]+ [\d:]+\.1234", date_of("%F %T.%4q", seconds))
    assert date_of("%9q", seconds)[:5] == "12345"
    assert date_of("%H", seconds) == time.strftime("%H", time.localtime(seconds))
