"""``manager.conf``: a wrong option is told, and nothing else is lost with it."""

from __future__ import annotations

import pytest

from asterism.config.file import ConfigFile
from asterism.interfaces.manager.settings import read_settings, split_address


def test_a_wrong_option_does_not_stop_the_others() -> None:
    settings, errors = read_settings(ConfigFile.parse("[general]\nport=many\nnonsense=1\nenabled=yes\nauthlimit=7\n"))
    assert [error.option for error in errors] == ["port", "nonsense"]
    assert (settings.enabled, settings.port, settings.authlimit) == (True, 5038, 7)


def test_a_wrong_address_is_not_replaced_by_every_address() -> None:
    settings, _ = read_settings(ConfigFile.parse("[general]\nenabled=yes\nbindaddr=127.0.0.l\n"))
    assert settings.bindaddr == "127.0.0.l"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("192.0.2.1", 5039)),
        ("192.0.2.2", ("192.0.2.2", 5039)),
        ("192.0.2.2:5061", ("192.0.2.2", 5061)),
        (":5061", ("192.0.2.1", 5061)),
        ("::", ("::", 5039)),
        ("2001:db8::1", ("2001:db8::1", 5039)),
        ("[::]", ("::", 5039)),
        ("[2001:db8::1]:5061", ("2001:db8::1", 5061)),
    ],
)
def test_addresses_with_and_without_a_port(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text, "192.0.2.1", 5039) == expected
