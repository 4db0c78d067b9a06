"""The browser phone without a mouse and without a screen: keys, focus, and what Chromium tells a screen reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_phone_kit import PhonePage
from test_browser_calls import signed_in

from asterism.testing import Phone

pytestmark = pytest.mark.e2e

SPOKEN = ("focusable", "focused", "pressed", "expanded", "checked", "disabled", "modal", "required", "live")
FOCUS = (
    "(document.activeElement.closest('.line')?.id ?? '')"
    " + (document.activeElement.dataset.do ?? document.activeElement.id)"
)
# Whether what has the focus can be told from what has not.
VISIBLE = """
(() => {
  const { outlineStyle, outlineWidth, outlineColor, backgroundColor } = getComputedStyle(document.activeElement);
  return outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 && outlineColor !== backgroundColor;
})()
"""


class Said(dict[str, dict[str, object]]):
    """What a screen reader is told: by role and name, its properties, as ``button 'Mute'``."""


async def tree(phone: PhonePage) -> Said:
    """Chromium's accessibility tree of the page, without what is ignored in it."""
    found = Said()
    answer = await phone.page.call("Accessibility.getFullAXTree", {})
    for node in answer["nodes"]:
        if node["ignored"]:
            continue
        role, name = node["role"]["value"], node.get("name", {}).get("value", "")
        values = {one["name"]: one["value"].get("value") for one in node.get("properties", ())}
        properties = {key: value for key, value in values.items() if key in SPOKEN}
        if description := node.get("description", {}).get("value"):
            properties["description"] = description
        found[f"{role} {name!r}"] = properties
    return found


async def test_what_a_screen_reader_is_told(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret", display="Ann") as ann:
        free = await tree(page)
        assert {
            "heading 'Asterism phone'", "heading 'Dial'", "heading 'Line 1'", "heading 'Line 2'", "main ''",
            "group 'Dial pad'", "button 'star'", "button 'pound'", "button 'Erase the last digit'", "button 'Devices'",
            "article 'Line 1'", "article 'Line 2'", "region 'Lines'",
        } <= free.keys()  # fmt: skip
        field = free["textbox 'Number or name to call'"]
        assert field["focused"] is True
        assert "Enter calls or answers" in str(field["description"])
        assert free["checkbox 'With camera'"]["checked"] == "false"
        assert not any(name in free for name in ("button 'Hold'", "button 'Answer'", "button 'Sign in'"))

        # It rings: that is said by itself, with the keys that count, and nothing takes the focus away.
        call = await ann.dial("104")
        await page.state(1, "incoming")
        rings = await tree(page)
        assert {"button 'Answer'", "button 'Decline'", "group 'What to do with line 1'"} <= rings.keys()
        assert rings["status ''"]["live"] == "polite"
        assert "StaticText 'Line 1: Ann (101): Incoming call. Enter answers, Escape declines'" in rings
        assert rings["textbox 'Number or name to call'"]["focused"] is True

        await page.key("Enter")
        await page.state(1, "talking")
        await call.answered()
        talking = await tree(page)
        assert talking["button 'Mute'"]["pressed"] == talking["button 'Camera'"]["pressed"] == "false"
        # One that changes its name has no state beside: "Resume, pressed" would be neither.
        assert "pressed" not in talking["button 'Hold'"]
        assert talking["button 'Transfer'"]["expanded"] is False
        await page.run("document.querySelector('#line-1 [data-do=mute]').focus()")
        await page.key("Enter")
        await page.until("document.querySelector('#said').textContent.includes('you are muted')")
        assert (await tree(page))["button 'Mute'"]["pressed"] == "true"
        await page.run("document.querySelector('#line-1 [data-do=hold]').focus()")
        await page.key(" ")
        await page.state(1, "held")
        held = await tree(page)
        assert "button 'Resume'" in held
        assert held["button 'Resume'"]["focused"] is True
        assert "StaticText 'Line 1: Ann (101): On hold'" in held
        await page.run("document.querySelector('#line-1 [data-do=transfer]').focus()")
        await page.key("Enter")
        opened = await tree(page)
        assert opened["button 'Transfer'"]["expanded"] is True
        assert opened["textbox 'Transfer to'"]["focused"] is True
        assert opened["textbox 'Transfer to'"]["required"] is True
        await page.key("Escape")
        assert await page.run(FOCUS) == "line-1transfer"
        await call.hangup()
        await page.state(1, "over")
        # What had the focus is gone: it is at a place from which to go on.
        assert await page.run(FOCUS) == "number"

        await page.click("#open-devices")
        dialog = await tree(page)
        assert dialog["dialog 'Devices'"]["modal"] is True
        assert {
            "combobox 'Microphone'",
            "combobox 'Speaker'",
            "combobox 'Ring on'",
            "combobox 'Camera'",
        } <= dialog.keys()
        assert "button 'Call'" not in dialog


async def test_a_problem_is_an_alert(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (_server, page):
        await page.run(
            "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); }"
        )
        await page.dial("600")
        await page.problem()
        found = await tree(page)
        assert found["alert ''"]["live"] == "assertive"
        assert "StaticText 'There is no microphone. Connect one, or choose another under Devices.'" in found


async def test_tab_goes_through_everything_in_its_order_and_out_again(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret") as ann:
        call = await ann.dial("104")
        await page.state(1, "incoming")
        await page.key("Enter")
        await page.state(1, "talking")
        await page.run("document.activeElement.blur(); getSelection().removeAllRanges()")
        await page.run("document.getElementById('open-devices').focus()")
        reached = []
        for _ in range(30):
            reached.append(str(await page.run(FOCUS)))
            assert await page.run(VISIBLE), reached[-1]
            await page.key("Tab")
            if reached[-1] == "line-1hangUp":
                break
        keys = [name for name in reached if not name]  # those of the pad have no names
        assert [name for name in reached if name] == [
            "open-devices", "sign-out", "number", "erase", "with-camera", "call",
            "line-1hold", "line-1mute", "line-1camera", "line-1transfer", "line-1hangUp",
        ]  # fmt: skip
        assert len(keys) == 12
        # Nothing holds the focus: after the last there is the browser's own, or the first again.
        assert await page.run(FOCUS) != "line-1hangUp"
        await call.hangup()


async def test_digits_go_to_the_call_wherever_the_focus_is(tmp_path: Path) -> None:
    """A button that has it is not pressed by them, nor twice by one key."""
    async with signed_in(tmp_path) as (_server, page):
        await page.dial("610")
        await page.state(1, "talking")
        for key, place in (("4", "[data-do=mute]"), ("*", "[data-key='9']"), ("7", "#call"), ("1", "#number")):
            await page.run(f"document.querySelector({place!r}).focus()")
            await page.key(key)
        await page.hears(1, 880)  # four digits, and they are these
        assert await page.run("document.querySelector('#line-1 [data-do=mute]').ariaPressed") == "false"
        assert await page.run("document.getElementById('number').value") == ""
        await page.key("Escape")


async def test_enter_answers_after_the_pad_was_clicked(tmp_path: Path) -> None:
    """A click leaves the focus where it was. A key that somebody went to with Tab is theirs, which is not hidden."""
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret") as ann:
        await page.click("[data-key='5']")
        await page.click("#erase")
        call = await ann.dial("104")
        await page.state(1, "incoming")
        await page.key("Enter")
        await page.state(1, "talking")
        await call.answered()
        await call.hangup()
        await page.state(1, "free")
        await page.run("document.querySelector(\"[data-key='5']\").focus()")
        call = await ann.dial("104")
        await page.state(1, "incoming")
        assert await page.text("#said") == "Line 1: 101: Incoming call. Escape declines"
        await page.key("Enter")
        assert await page.run("document.getElementById('number').value") == "5"
        await page.key("Escape")
        assert await call.refused() == 486
