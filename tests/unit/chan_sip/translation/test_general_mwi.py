"""``mwi`` lines as subscriptions."""

from __future__ import annotations

from general_kit import conf, objects

from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.sip.objects.auth import Auth


def test_a_line_is_a_subscription_with_its_credentials() -> None:
    text = "mwiexpiry=300\nmwi => 3000:pw:auth@127.0.0.1:15070/box\nmwi => 1@[2001:db8::1]/2\n"
    first, second = objects(OutboundSubscription, text).values()
    assert (first.server_uri, first.event, first.mailbox) == (
        "sip:3000@127.0.0.1:15070", "message-summary", "box@SIP_Remote",
    )  # fmt: skip
    assert (first.expiration, first.fatal_retry_interval, first.transport) == (300, 300, "sip.conf/udp")
    (auth,) = objects(Auth, text).values()
    assert (first.outbound_auth, auth.username, auth.password) == ((auth.id,), "auth", "pw")
    assert (second.server_uri, second.outbound_auth) == ("sip:1@[2001:db8::1]", ())


def test_broken_lines_are_told_and_the_rest_is_made() -> None:
    text = "[general]\nmwi => 1@h\nmwi => 2@h/2\n"
    (problem,) = conf(text).problems
    assert problem.position is not None
    assert (problem.position.line, problem.option) == (2, "mwi")
    assert [item.mailbox for item in objects(OutboundSubscription, text).values()] == ["2@SIP_Remote"]
