"""The objects that say who may publish what here."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.applications.pubsub.outbound.publish_object import OutboundPublish
from asterism.applications.pubsub.publication_objects import AsteriskPublication, Filter, InboundPublication
from asterism.command.check import check
from asterism.config.errors import ConfigErrors
from asterism.config.file import ConfigFile
from asterism.data.options import ConfiguredObject


def made(cls: type[ConfiguredObject], text: str) -> ConfiguredObject:
    section = ConfigFile.parse(f"[x]\n{text}\n").sections[0]
    return cls.from_options("x", section)


def test_events_of_any_package() -> None:
    found = made(
        InboundPublication, "event_asterisk-devicestate=a\nEvent_Asterisk-MWI=b\nevent_presence=c\nevent_x=1\nevent_x=2"
    )
    assert isinstance(found, InboundPublication)
    names = ("asterisk-devicestate", "asterisk-mwi", "presence", "x", "dialog")
    assert [found.configuration(name) for name in names] == ["a", "b", "c", "2", ""]
    assert ("event_presence", "c") in found.listing()
    assert not found.same_options(made(InboundPublication, "event_presence=c"))


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (InboundPublication, "event_=x"),
        (InboundPublication, "evnt_presence=x"),
        (InboundPublication, "max_publications=0"),
        (AsteriskPublication, "device_state_filter=("),
        (AsteriskPublication, "mailbox_state_filter=*"),
        (OutboundPublish, "server_uri=sip:x@y"),
        (OutboundPublish, "server_uri=nonsense\nevent=x"),
        (OutboundPublish, "server_uri=sip:x@y\nevent=x\nexpiration=0"),
    ],
)
def test_what_is_wrong_is_refused(cls: type[ConfiguredObject], line: str) -> None:
    with pytest.raises(ConfigErrors):
        made(cls, line)


def test_a_filter_is_searched_for() -> None:
    found = Filter()
    assert found.passes("", "anything")
    assert found.passes("^PJSIP/1", "PJSIP/101")
    assert not found.passes("^PJSIP/2", "PJSIP/101")
    assert found.passes("0", "PJSIP/101")


def test_names_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[in]\ntype=inbound-publication\nendpoint=nobody\n[in2]\ntype=inbound-publication\nevent_asterisk-mwi=none\n"
        "[taken]\ntype=asterisk-publication\nmailboxstate_publish=nowhere\n"
    )
    problems, notes = check(tmp_path)
    said = "\n".join(str(one) for one in (*problems, *notes))
    for text in (
        "there is no endpoint 'nobody'",
        "there is no asterisk-publication 'none'",
        "outbound-publish 'nowhere'",
    ):
        assert text in said
