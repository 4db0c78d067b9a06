"""Linphone's console client as a phone: obeys lines on its standard input."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Self

from peers import LIMIT, require

from asterism.testing import until


class Linphone:
    """A linphonec process with one account."""

    def __init__(
        self,
        folder: Path,
        user: str,
        server: str,
        transport: str,
        *,
        auto_answer: bool = False,
        password: str = "secret",
        options: str = "",
    ) -> None:
        """``options`` are lines of the section ``sip`` of its configuration."""
        self.user = user
        self._folder = folder
        self._auto_answer = auto_answer
        self.said: list[str] = []
        # It ends its start-up half way where it cannot keep its database.
        (folder / ".local" / "share" / "linphone").mkdir(parents=True)
        host = server.partition(":")[0]
        (folder / "rc").write_text(
            "[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\ndefault_proxy=0\nverify_server_certs=0\n"
            f"verify_server_cn=0\nguess_hostname=0\n{options}"
            f"[auth_info_0]\nusername={user}\npasswd={password}\nrealm=asterisk\n"
            f"[proxy_0]\nreg_proxy=<sip:{server};transport={transport}>\n"
            f"reg_route=<sip:{server};transport={transport};lr>\nreg_identity=sip:{user}@{host}\nreg_expires=60\n"
            "reg_sendregister=1\npublish=0\n"
            # Else all linphones of this machine have one port, and one of them gets what is meant for the others.
            "[rtp]\naudio_rtp_port=-1\n"
            "[video]\nenabled=0\n"
        )

    def register_also(self, server: str) -> None:
        """Have an account of the same name at a second server, by UDP."""
        rc = self._folder / "rc"
        host = server.partition(":")[0]
        rc.write_text(
            f"{rc.read_text()}[proxy_1]\nreg_proxy=<sip:{server};transport=udp>\n"
            f"reg_route=<sip:{server};transport=udp;lr>\nreg_identity=sip:{self.user}@{host}\nreg_expires=60\n"
            "reg_sendregister=1\npublish=0\n"
        )

    async def __aenter__(self) -> Self:
        answer = ["-a"] if self._auto_answer else []
        self._process = await asyncio.create_subprocess_exec(
            require("linphonec"), "-c", str(self._folder / "rc"), *answer,
            cwd=self._folder, env={**os.environ, "HOME": str(self._folder)}, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        self.say("soundcard use files")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._process.returncode is None:
            self.say("quit")
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._reading.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.said.append(line.decode("utf-8", "replace"))

    def say(self, command: str) -> None:
        """Type a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())

    async def use_codec(self, name: str, rate: int) -> None:
        """Have this codec only."""
        self.say("codec list")
        wanted = re.compile(rf"\s*(\d+): {re.escape(name)} \({rate}\)")
        await until(lambda: any(map(wanted.match, self.said)), LIMIT, lambda: f"no {name} in {self.said}")
        number = next(found[1] for line in self.said if (found := wanted.match(line)))
        self.say("codec disable all")
        self.say(f"codec enable {number}")

    async def tells(self, text: str) -> None:
        """Wait until it has printed this."""
        await until(lambda: any(text in line for line in self.said), LIMIT, lambda: f"no '{text}' in {self.said}")
