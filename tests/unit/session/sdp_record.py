"""Recorded offers and answers: what was said, and what of it can be compared."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from asterism.stack.message import Response

FOLDER = Path(__file__).resolve().parents[2] / "data" / "record"


def blocks(file: str, kind: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Endpoint, title, and what was sent (``SEND``) and received by it."""
    parts = re.split(r"^# (\w+): (.* offer.*)\n", (FOLDER / file).read_text(), flags=re.M)[1:]
    found = []
    for endpoint, title, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if title.startswith(kind):
            steps = re.split(r"---- (SEND|RECV) ----\n", body.partition("\n# ")[0])[1:]
            found.append((endpoint, f"{endpoint}: {title}", list(zip(steps[::2], steps[1::2], strict=True))))
    return found


def shape(text: str) -> list[str]:
    """The lines of a description, without what is different every time; one candidate for each component.

    What is said of feedback, header extensions and the parameters of Opus is this server's own affair.
    """
    found: list[str] = []
    for line in text.replace("\r\n", "\n").strip().split("\n"):
        if line.startswith(("v=", "o=", "s=", "c=", "t=", "a=extmap", "a=rtcp-fb")) or "useinbandfec" in line:
            continue
        line = re.sub(r"^(m=\w+) [1-9]\d*", r"\1 PORT", line)
        line = re.sub(r"inline:[A-Za-z0-9+/]{40}$", "inline:KEY", line)
        line = re.sub(r"(?<=fingerprint:)(SHA-\d+) [0-9A-F:]+$", r"\1 DIGEST", line)
        line = re.sub(r"(?<=ufrag:)[0-9a-f]{32}$|(?<=pwd:)[0-9a-f]{32}$", "SECRET", line)
        line = re.sub(r"candidate:H[0-9a-f]{8} (.) UDP \d+ \S+ \d+ typ host", r"candidate:H \1 ADDRESS typ host", line)
        line = re.sub(r"^a=ssrc:\d+ cname:\S+$", "a=ssrc:SSRC cname:CNAME", line)
        line = re.sub(r"^a=msid:[-0-9a-f]{36} [-0-9a-f]{36}$", "a=msid:STREAM TRACK", line)
        if not line.startswith("a=candidate") or line not in found[-2:]:
            found.append(line)
    return found


async def final_response(phone: Any) -> Response:
    for _ in range(500):
        for message in phone.messages():
            if isinstance(message, Response) and message.status >= 200:
                phone.read = len(phone.flow.sent)
                return message
        await asyncio.sleep(0)
    raise AssertionError("no final response")
