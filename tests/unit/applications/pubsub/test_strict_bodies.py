"""Bodies of NOTIFY: with ``strict_bodies`` the RFCs' schemas accept them, without they are XML, whatever is told."""

from __future__ import annotations

import random
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from asterism.applications.pubsub.api import BodyGenerator
from asterism.applications.pubsub.bodies.dialog_info import DialogInfoGenerator
from asterism.applications.pubsub.bodies.message_summary import MessageSummaryGenerator, Summary
from asterism.applications.pubsub.bodies.pidf import DigiumSupplement, PidfGenerator
from asterism.applications.pubsub.bodies.rlmi import Instance, Words, list_document
from asterism.applications.pubsub.bodies.xml import xml_id
from asterism.applications.pubsub.bodies.xpidf import CpimPidfGenerator, XpidfGenerator
from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
from asterism.pbx.states.hints import ExtensionState
from asterism.pbx.states.mailboxes import MessageCounts
from asterism.pbx.states.presence import Presence
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.party import PartyId
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.uri import Uri

SCHEMAS = Path(__file__).resolve().parents[3] / "data/schemas"
ITEMS = ("pjsip,call-id", "pjsip,remote_tag", "pjsip,local_tag")
DIALOG_INFO = "{urn:ietf:params:xml:ns:dialog-info}"


def schema(name: str) -> Any:
    return etree.XMLSchema(etree.parse(SCHEMAS / f"{name}.xsd"))


PIDF, DIALOGS, RLMI = schema("pidf"), schema("dialog-info"), schema("rlmi")

SUMMARY = re.compile(
    r"Messages-Waiting: (yes|no)\r\n(Message-Account: (sips?|[a-z][a-z0-9+.-]*):[!-;=?-~]+\r\n)?"
    r"(Voice-Message: \d{1,10}/\d{1,10} \(\d{1,10}/\d{1,10}\)\r\n)?"
)
"""A message summary (RFC 3842 5.2)."""

texts = st.text(
    st.one_of(
        st.sampled_from("<&>\"'\r\n\t\x00\x1b%[]#;@ \ud800\udcff\ufffe\U0001f4de𝄞é"),
        st.characters(exclude_categories=()),
    )
)
hosts = st.sampled_from(["127.0.0.1", "pbx.example.com", "2001:db8::1"])
uris = st.builds(lambda user, host, port: str(Uri("sip", user, host, port)), texts, hosts, st.none() | st.just(5062))
presentations = st.sampled_from([0, 0x20])
parties = st.builds(PartyId, texts, texts, presentations)
presences = st.builds(
    Presence, st.sampled_from(["not_set", "unavailable", "available", "away", "xa", "chat", "dnd"]), texts, texts
)


@st.composite
def told(draw: st.DrawFn) -> tuple[Any, ExtensionInfo]:
    """A subscription and what it is told."""
    channel = SimpleNamespace(
        state=draw(st.sampled_from(ChannelState)), dead=False, connected=draw(parties), caller=draw(parties),
        driver=SimpleNamespace(channel_item=dict(zip(ITEMS, draw(st.tuples(texts, texts, texts)), strict=True)).get),
    )  # fmt: skip
    pbx: Any = SimpleNamespace(channels=SimpleNamespace(of_device=lambda _device: [channel]))
    info = ExtensionInfo(draw(texts), draw(st.sampled_from(ExtensionState)), draw(presences), ("PJSIP/x",), pbx)
    endpoint = Endpoint("x").replace(
        notify_early_inuse_ringing=draw(st.booleans()), notify_dialog_ids=draw(st.booleans())
    )
    subscription = SimpleNamespace(
        entity=draw(uris), watcher=draw(uris), endpoint=endpoint, version=draw(st.integers(0, 2**40))
    )
    return subscription, info


def written(
    generator: BodyGenerator, subscription: Any, info: ExtensionInfo, strict: bool, digium: bool = False
) -> bytes:
    subscription.endpoint = subscription.endpoint.replace(strict_bodies=strict)
    body = generator.body(subscription, info)
    if digium:
        DigiumSupplement().supplement(body, subscription, info)
    text = generator.text(body)
    # The same again: what is kept of a state for its next subscriber changes nothing.
    if not digium and not isinstance(generator, XpidfGenerator):
        assert generator.text(generator.body(subscription, info)) == text
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def accepted(found: Any, body: bytes) -> Any:
    document = etree.fromstring(body)
    assert found.validate(document), (found.error_log, body)
    return document


@settings(max_examples=300)
@given(told(), st.booleans())
def test_strict_presence(case: tuple[Any, ExtensionInfo], digium: bool) -> None:
    for generator in (PidfGenerator(), CpimPidfGenerator()):
        accepted(PIDF, written(generator, *case, strict=True, digium=digium))


@settings(max_examples=300)
@given(told())
def test_strict_dialog_info(case: tuple[Any, ExtensionInfo]) -> None:
    accepted(DIALOGS, written(DialogInfoGenerator(), *case, strict=True))


@given(uris, texts, st.integers(0, 2**32 - 1), st.booleans(), st.lists(st.tuples(uris, texts, texts), max_size=4))
def test_strict_lists(uri: str, name: str, version: int, full: bool, items: list[tuple[str, str, str]]) -> None:
    instances = [Instance(one, shown, shown, "terminated", why, "a@b") for one, shown, why in items]
    accepted(RLMI, list_document(uri, name, version, full, instances, strict=True))
    fromstring(list_document(uri, name, version, full, instances))


@settings(max_examples=300)
@given(told(), st.booleans())
def test_what_is_not_strict_is_xml(case: tuple[Any, ExtensionInfo], digium: bool) -> None:
    for generator in (PidfGenerator(), XpidfGenerator(), CpimPidfGenerator(), DialogInfoGenerator()):
        fromstring(written(generator, *case, strict=False, digium=digium and isinstance(generator, PidfGenerator)))
    fromstring(written(XpidfGenerator(), *case, strict=True))


counts = st.builds(MessageCounts, *[st.integers(0, 2**32 - 1)] * 4)


@given(counts, uris | st.just(""))
def test_message_summaries(numbers: MessageCounts, account: str) -> None:
    subscription: Any = SimpleNamespace(endpoint=Endpoint("x"))
    generator = MessageSummaryGenerator()
    text = generator.text(generator.body(subscription, Summary(numbers, account)))
    assert SUMMARY.fullmatch(str(text)), text


@given(texts, texts)
def test_ids_are_names_and_differ(one: str, other: str) -> None:
    assert re.fullmatch(r"e-[A-Za-z0-9._-]*", xml_id(one))
    assert (xml_id(one) == xml_id(other)) == (one == other)


def ringing() -> tuple[Any, ExtensionInfo]:
    channel = SimpleNamespace(
        state=ChannelState.RINGING, dead=False, connected=PartyId("101", 'Ann "A"'), caller=PartyId("102", ""),
        driver=SimpleNamespace(channel_item=lambda _name: ""),
    )  # fmt: skip
    pbx: Any = SimpleNamespace(channels=SimpleNamespace(of_device=lambda _device: [channel]))
    info = ExtensionInfo("102", ExtensionState.RINGING, Presence(), ("PJSIP/102",), pbx)
    subscription: Any = SimpleNamespace(entity="sip:102@pbx", watcher="sip:ann@pbx", endpoint=Endpoint("x"), version=0)
    return subscription, info


def test_what_strict_dialog_info_says_of_a_call() -> None:
    root = accepted(DIALOGS, written(DialogInfoGenerator(), *ringing(), strict=True))
    dialog = root[0]
    assert [child.tag.removeprefix(DIALOG_INFO) for child in dialog] == ["state", "local", "remote"]
    assert (dialog[0].text, dialog.get("direction")) == ("early", "recipient")
    assert dialog[1][0].attrib == {}
    assert dialog[1][0].text == "sip:102@pbx"
    assert dialog[2][0].get("display-name") == 'Ann "A"'
    assert dialog[2][1].get("uri") == "sip:101@pbx"


def test_a_strict_call_on_hold() -> None:
    subscription, info = ringing()
    info.state = ExtensionState.ONHOLD
    root = accepted(DIALOGS, written(DialogInfoGenerator(), subscription, info, strict=True))
    param = root.find(f"{DIALOG_INFO}dialog/{DIALOG_INFO}local/{DIALOG_INFO}target/{DIALOG_INFO}param")
    assert param.attrib == {"pname": "+sip.rendering", "pval": "no"}


def test_a_strict_contact_is_that_of_who_is_watched() -> None:
    root = accepted(PIDF, written(PidfGenerator(), *ringing(), strict=True))
    assert [child.tag.rpartition("}")[2] for child in root] == ["tuple", "note", "person"]
    assert root[0][1].text == "sip:102@pbx"


def test_the_schemas_refuse_what_is_recorded() -> None:
    """Otherwise they would prove nothing."""
    for found, generator in ((PIDF, PidfGenerator()), (DIALOGS, DialogInfoGenerator())):
        assert not found.validate(etree.fromstring(written(generator, *ringing(), strict=False)))


@pytest.mark.parametrize("state", ExtensionState)
def test_each_state_is_written_once_for_all(state: ExtensionState) -> None:
    subscription, info = ringing()
    info.state = state
    written(PidfGenerator(), subscription, info, strict=False)
    kept = dict(info.written)
    subscription.entity, subscription.watcher = "sip:102@elsewhere", "sip:bob@pbx"
    body = written(PidfGenerator(), subscription, info, strict=False)
    assert b"sip:102@elsewhere" in body
    assert b">sip:bob@pbx<" in body
    assert info.written == kept


def test_words_of_rlmi_are_those_of_its_schema() -> None:
    words = Words(random.Random(1).randbytes)
    for state in ("active", "pending", "terminated"):
        instances = [Instance("sip:a@b", "a", words.new(), state)]
        accepted(RLMI, list_document("sip:l@b", "l", 0, True, instances, strict=True))
