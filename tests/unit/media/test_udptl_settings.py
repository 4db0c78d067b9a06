"""udptl.conf, and how datagrams and IFP packets are measured."""

from __future__ import annotations

import pytest

from asterism.config import ConfigFile
from asterism.core.errors import ConfigError
from asterism.media.udptl_settings import OPTIONS, UdptlSettings, far_ifp


def parse(text: str) -> UdptlSettings:
    return UdptlSettings.from_section(ConfigFile.parse(text, "udptl.conf").options("general"))


def test_defaults_and_values() -> None:
    assert parse("") == UdptlSettings(4000, 4999, True, 3, 3, False)
    values = zip(OPTIONS, (5001, 5009, "yes", 5, 2, "no"), strict=True)
    text = "[general]\n" + "\n".join(f"{one}={value}" for one, value in values)
    assert parse("[general]\n" + "\n".join(f"{one}={OPTIONS[one][0]}" for one in OPTIONS)) == UdptlSettings()
    assert parse(text) == UdptlSettings(5001, 5009, False, 5, 2, True)


@pytest.mark.parametrize(
    "line",
    ["udptlstart=0", "udptlend=65536", "udptlstart=5000\nudptlend=4999", "udptlfecentries=0", "udptlfecspan=65",
     "udptlstart=4999\nudptlend=4999\nuse_even_ports=yes", "udptlfecentries=many"],
)  # fmt: skip
def test_what_cannot_be(line: str) -> None:
    with pytest.raises(ConfigError):
        parse(f"[general]\n{line}")


def test_the_largest_datagrams_are_those_that_asterisk_announces() -> None:
    settings = UdptlSettings()
    assert [settings.local_datagram(one, 400) for one in ("redundancy", "fec", "none")] == [1400, 849, 425]
    assert settings.local_datagram("redundancy", far_ifp("redundancy", 176)) == 339
    assert [far_ifp(one, 0) for one in ("redundancy", "fec", "none")] == [1, 1, 1]
    assert [far_ifp(one, 400) for one in ("redundancy", "fec", "none")] == [186, 185, 375]
