"""Whatever text comes in, the XML that goes out can be read, and says the same."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.pubsub.bodies.xml import Document, escape


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_in_an_attribute_and_in_an_element(text: str) -> None:
    document = str(Document("a", [f' <b c="{escape(text)}">{escape(text)}</b>']))
    found = fromstring(document.encode("utf-8", "surrogateescape")).find("b")
    assert found is not None
    if text.isprintable():
        assert found.get("c") == text
        assert (found.text or "") == text


def test_what_no_xml_holds() -> None:
    assert escape('\x00<"\ud800&>') == "?&lt;&quot;?&amp;&gt;"
