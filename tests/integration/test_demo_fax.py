"""The fax machines of the demo's own configuration: 609 sends its page, 608 receives it."""

from __future__ import annotations

from pathlib import Path

from test_demo_forwarding import demo

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
