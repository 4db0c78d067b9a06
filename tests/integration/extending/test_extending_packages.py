"""The page on modules: its class loads, and its package is found by entry point."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from asterism.testing import Phone, running_server

PAGE = (Path(__file__).parents[3] / "docs/extending/modules.md").read_text()
SOURCE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
PROJECT = tomllib.loads(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0])

PJSIP = """
[101]
type=endpoint
allow=ulaw
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
"""
PROGRAM = """
import asyncio
from asterism.testing import running_server

async def main():
    async with running_server({"modules.conf": "[modules]\\nautoload=yes\\nrequire=hello\\n"}) as server:
        print(server.modules.find("hello").state.value)

asyncio.run(main())
"""


async def test_the_class_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "hello.py").write_text(SOURCE)
    async with running_server({}, tmp_path) as server:
        found = server.modules.find("app_hello.so")
        assert found is not None
        assert found.state.value == "Running"
        await server.modules.reload("hello")
        await server.modules.unload("hello")
        assert found.state.value == "Not Running"
        await server.modules.load("hello")
        assert found.state.value == "Running"


def confs() -> list[str]:
    """The examples of modules.conf, in order."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [block for block in blocks if block.startswith("[modules]")]


async def test_modules_conf_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "hello.py").write_text(SOURCE)
    async with running_server({"modules.conf": confs()[0]}, tmp_path) as server:
        states = {known.name: known.state.value for known in server.modules.known()}
        assert (states["hello"], states["registrar"], states["app_system"]) == ("Running", "Running", "Not Running")


async def test_a_registrar_that_takes_no_calls() -> None:
    config = {"modules.conf": confs()[1], "pjsip.conf": PJSIP}
    async with running_server(config) as server, Phone("101", server, "secret") as phone:
        await phone.register()
        assert (await phone.request(phone.create_request("INVITE", phone.uri("600")))).status == 501
        assert (await phone.request(phone.create_request("OPTIONS", phone.uri()))).status == 501


def test_the_package_of_the_page(tmp_path: Path) -> None:
    project = PROJECT["project"]
    (tmp_path / "asterism_hello.py").write_text(SOURCE)
    # What pip writes for this pyproject.toml.
    info = tmp_path / f"asterism_hello-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["asterism.modules"]
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[asterism.modules]\n{lines}")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.endswith("Running\n"), done.stderr
