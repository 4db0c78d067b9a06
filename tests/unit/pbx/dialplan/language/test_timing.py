"""Times as includes and GotoIfTime write them."""

import pytest

from asterism.pbx.dialplan.language.timing import parse_time_spec


def test_time_specifications() -> None:
    import datetime

    monday = datetime.datetime(2024, 1, 1, 12, 30)
    assert parse_time_spec("9:00-17:00,mon-fri,*,*").matches(monday)
    assert not parse_time_spec("9:00-17:00,sat-sun,*,*").matches(monday)
    assert parse_time_spec("22:00-13:00|*|1|jan").matches(monday)
    assert parse_time_spec("*,fri-mon,*,dec-feb").matches(monday)
    for wrong in ("25-3", "*,nonday", "*,*,40", "*,*,*,foo", "*,*,*,*,No/Where"):
        with pytest.raises(ValueError, match=r"\w"):
            parse_time_spec(wrong)
