"""What the RTP tests share."""

from __future__ import annotations

import asyncio

import pytest
from rtp_kit import make_media


@pytest.fixture
def run():
    """Run a coroutine function with a Media and check that nothing is left behind."""

    def runner(function, **settings):
        async def main():
            media = make_media(**settings)
            try:
                await function(media)
            finally:
                media.close()
            assert not media.sessions
            assert media.ports_available("127.0.0.1") == len(
                range(settings.get("rtp_start", 5000), settings.get("rtp_end", 31000), 2)
            )

        asyncio.run(main())

    return runner
