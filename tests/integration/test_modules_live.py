"""Modules come and go on a live server: what a call uses stays, and the call does not notice the rest."""

from __future__ import annotations

import pytest
from call_kit import two_phones

from asterism.core.errors import ModuleError
from asterism.testing import until


async def test_a_call_goes_on_while_other_modules_go_and_come_back():
    async with two_phones() as world:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(660)
        modules = world.server.modules
        for name in ("registrar", "app_echo", "options", "res_pjsip_authenticator_digest", "pbx_config"):
            await modules.unload(name)
            await incoming.hears(440)
            await call.hears(660)
            await modules.load(name)
        for name in ("app_dial", "chan_pjsip"):
            with pytest.raises(ModuleError, match="in use"):
                await modules.unload(name)
        await call.hangup()
        await incoming.ended()
        await until(lambda: not world.server.pbx.channels)
        await modules.unload("app_dial")
        await modules.load("app_dial")
        call, incoming = await world.connect()
        await call.hangup()
        await incoming.ended()


async def test_a_reload_keeps_registrations_and_calls():
    """As SIGHUP asks for it."""
    async with two_phones() as world:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(660)
        bound = list(world.server.sip.location.contacts("102"))
        assert len(bound) == 1
        before = world.server.status.reloaded_at
        world.server.request_reload()
        await until(lambda: world.server.status.reloaded_at != before)
        await incoming.hears(440)
        await call.hears(660)
        assert list(world.server.sip.location.contacts("102")) == bound
        await call.hangup()
        assert await incoming.ended() == "BYE received"
        call, incoming = await world.connect()
        await call.hangup()
        await incoming.ended()
