"""The fax machines of the demo's own configuration: 609 sends its page, 608 receives it, as does the extension fax."""

from __future__ import annotations

from pathlib import Path

from test_demo_forwarding import demo

from asterism.sip.objects.endpoint import Endpoint
from asterism.testing import until
from fax_pages import assert_same, read_pages


async def test_the_demo_faxes_its_page_to_itself(tmp_path: Path) -> None:
    async with demo(tmp_path) as (server, *_):
        folder = tmp_path / "var" / "spool" / "fax"
        page = folder / "demo-page.tif"
        await server.originate("Local/608@demo", context="demo", exten="609")
        received = lambda: [path for path in folder.glob("*.tif") if path != page]  # noqa: E731
        await until(received, 60)
        await until(lambda: not len(server.pbx.channels), 10)
        (file,) = received()
        assert server.pbx.faxes.counts.completed == 2
    assert_same(file, *read_pages(page))


async def test_a_fax_machine_that_dials_any_number_comes_to_the_extension_fax(tmp_path: Path) -> None:
    async with demo(tmp_path) as (server, phone, *_):
        call = await phone.dial("600")
        await call.answered()
        call.play(1100)
        await call.hears(2100)  # the answer tone of a fax machine (T.30)
        assert len(server.pbx.faxes) == 1
        await call.hangup()
        await until(lambda: not len(server.pbx.channels), 10)
        assert server.pbx.faxes.counts.failed == 1


async def test_phones_may_have_t38_and_browsers_not(tmp_path: Path) -> None:
    async with demo(tmp_path) as (server, *_):
        found = {one: server.data.get(Endpoint, one) for one in ("101", "104")}
        assert {one: (each.t38_udptl, each.fax_detect) for one, each in found.items() if each is not None} == {
            "101": (True, True),
            "104": (False, False),
        }
        assert server.pbx.faxes.settings.statusevents
