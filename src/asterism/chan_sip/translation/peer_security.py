"""Rules of a peer's options that say how it shows who it is, and how we do."""

from __future__ import annotations

from asterism.chan_sip.objects.credential import Credential
from asterism.chan_sip.translation.general_auth import names_of
from asterism.chan_sip.translation.rules import Draft, Rule, same


def _secret(draft: Draft) -> None:
    """What it must know. Its requests but REGISTER go without a challenge when it is ``insecure=invite``."""
    peer, names = draft.peer, draft.names
    if not (peer.secret or peer.md5secret):
        return
    if names.written and "invite" in peer.insecure and not peer.dynamic:
        return  # a server that reads the file knows of no methods that go without
    name = names.inbound_auth(peer)
    draft.endpoint("auth", name)
    draft.put("auth", name, "auth_type", "digest")
    draft.put("auth", name, "username", peer.name)
    if not draft.general.domainsasrealm or draft.names.written:
        draft.put("auth", name, "realm", draft.general.realm)
    if peer.md5secret:
        draft.put("auth", name, "password_digest", f"MD5:{peer.md5secret}")
    else:
        draft.put("auth", name, "password", peer.secret)


def _outbound(draft: Draft) -> None:
    """What it is told: credentials for single realms, its own before those of ``[authentication]``, and for any."""
    peer, names = draft.peer, draft.names
    if not peer.is_peer:
        return
    found: list[str] = []
    for number, line in enumerate(peer.auth, 1):
        name = names.outbound_auth(peer, number)
        _credentials(draft, name, line)
        found.append(name)
    if draft.general.auth:
        found.extend(names_of(draft.conf, names))
    secret = peer.remotesecret or peer.secret
    if secret or peer.md5secret:
        name = names.outbound_auth(peer)
        found.append(name)
        draft.put("auth", name, "username", peer.defaultuser or peer.fromuser or peer.name)
        if peer.md5secret and not peer.remotesecret:
            draft.put("auth", name, "password_digest", f"MD5:{peer.md5secret}")
        else:
            draft.put("auth", name, "password", secret)
    if found:
        draft.endpoint("outbound_auth", ",".join(found))


def _credentials(draft: Draft, name: str, line: str) -> None:
    found = Credential.parse(line)
    draft.put("auth", name, "username", found.user)
    draft.put("auth", name, "realm", found.realm)
    if found.md5:
        draft.put("auth", name, "password_digest", f"MD5:{found.md5}")
    else:
        draft.put("auth", name, "password", found.secret)


def _insecure(draft: Draft) -> None:
    if not draft.peer.dynamic and "port" in draft.peer.insecure:
        draft.note("insecure", "translated", "")


def _address_rules(draft: Draft) -> None:
    for rule in draft.peer.address_rules:
        draft.endpoint("permit" if rule.allow else "deny", str(rule.network))


RULES = (
    Rule("secret", ("auth.password", "auth.username", "auth.realm", "endpoint.auth"), apply=_secret),
    Rule("md5secret", ("auth.password_digest",)),
    Rule("remotesecret", ("auth.password", "endpoint.outbound_auth"), apply=_outbound),
    Rule("auth", ("auth.username", "auth.password", "auth.password_digest", "auth.realm", "endpoint.outbound_auth")),
    Rule(
        "insecure",
        ("endpoint.auth",),
        "invite: with host=dynamic its password is asked for all the same, as REGISTER needs it; "
        "port: whoever comes from its address is taken for it",
        "changed",
        here="invite: calls are not challenged; port: the source port does not matter",
        apply=_insecure,
    ),
    Rule("permit", ("endpoint.permit", "endpoint.deny"), apply=_address_rules),
    Rule("deny", ("endpoint.permit", "endpoint.deny")),
    same("acl", "endpoint.acl"),
)
