"""``[authentication]``."""

from __future__ import annotations

from general_kit import conf, objects

from asterism.chan_sip.translation.general_auth import names_of
from asterism.chan_sip.translation.names import Names
from asterism.sip.objects.auth import Auth

HASH = "0123456789abcdef0123456789abcdef"
TEXT = f"[general]\n[authentication]\nauth=mark:top:secret@one\nauth=nonsense\nauth=paul#{HASH}@two words\n"


def test_each_line_is_an_auth_object_of_its_realm() -> None:
    one, two = objects(Auth, TEXT).values()
    assert (one.username, one.password, one.realm) == ("mark", "top:secret", "one")
    assert (two.username, two.password, two.realm, two.password_digest) == ("paul", "", "two words", (f"MD5:{HASH}",))
    assert one.position is not None
    assert one.position.line == 3
    assert names_of(conf(TEXT), Names()) == [one.id, two.id]


def test_a_broken_line_is_told_with_its_place_and_the_rest_counts() -> None:
    (problem,) = conf(TEXT).problems
    assert problem.position is not None
    assert (problem.position.line, problem.option) == (4, "auth")
    assert "nonsense" not in str(problem), "a secret may be in it"
