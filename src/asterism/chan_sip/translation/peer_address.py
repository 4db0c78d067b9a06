"""Rules of a peer's options that say where it is and how it shows who it is: its AOR, its credentials."""

from __future__ import annotations

from asterism.chan_sip.translation.rules import Draft, Rule
from asterism.hostport import format_host_port


def _host(draft: Draft) -> None:
    peer = draft.peer
    if not peer.is_peer:
        return
    draft.endpoint("aors", draft.names.aor(peer))
    if peer.dynamic:
        draft.aor("max_contacts", "1")
        draft.aor("remove_existing", "yes")
        return
    user = f"{peer.defaultuser}@" if peer.defaultuser else ""
    draft.aor("contact", f"sip:{user}{format_host_port(peer.host, peer.port or None)}")


def _secret(draft: Draft) -> None:
    peer, names = draft.peer, draft.names
    if (peer.secret or peer.md5secret) and "invite" not in peer.insecure:
        name = names.inbound_auth(peer)
        draft.endpoint("auth", name)
        draft.put("auth", name, "auth_type", "digest")
        draft.put("auth", name, "username", peer.name)
        if peer.md5secret:
            draft.put("auth", name, "password_digest", f"MD5:{peer.md5secret}")
        else:
            draft.put("auth", name, "password", peer.secret)


RULES = (
    Rule("host", ("aor.contact", "aor.max_contacts", "aor.remove_existing", "endpoint.aors"), apply=_host),
    Rule("secret", ("auth.password", "endpoint.auth"), apply=_secret),
)
