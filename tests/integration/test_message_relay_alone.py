"""``modules.conf`` makes a relay of messages, which takes no calls and no registrations, of the same program."""

from __future__ import annotations

from call_kit import CONFIG

from asterism.testing import Phone, running_server, until

MODULES = """
[modules]
autoload=no
require=res_pjsip
require=res_pjsip_endpoint_identifier_user
require=res_pjsip_authenticator_digest
require=res_pjsip_messaging
require=pbx_config
"""
EXTENSIONS = "[phones]\nexten => _10X,1,MessageSend(pjsip:${EXTEN},${MESSAGE(from)})\n"


async def test_a_relay_of_messages_alone():
    async with Phone("102", ("127.0.0.1", 9), "bob's secret") as bob:
        fixed = f"max_contacts=2\ncontact=sip:102@127.0.0.1:{bob.port}\n[103]"
        pjsip = CONFIG["pjsip.conf"].replace("max_contacts=2\n\n[103]", fixed, 1)
        config = {"modules.conf": MODULES, "pjsip.conf": pjsip, "extensions.conf": EXTENSIONS}
        async with running_server(config) as server, Phone("101", server, "ann's secret") as ann:
            assert [service.name for service in server.sip.services] == ["messaging"]
            request = ann.create_request("MESSAGE", ann.uri("102"))
            request.set_body("only a word", "text/plain")
            assert (await ann.request(request)).status == 202
            await until(lambda: bob.messages, 5, "no message came")
            assert bob.messages == [b"only a word"]
            assert (await ann.try_register()).status == 501
            call = await ann.dial("102")
            assert await call.refused() == 501
