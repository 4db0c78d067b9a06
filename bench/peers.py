"""``make bench-peers``: install the servers that ``make bench`` compares with.

Kamailio is a package of this Debian; Asterisk 22 is one of Debian unstable and goes into a folder of its
own (``.cache/asterisk``) by debootstrap, so that the machine stays as it is. Neither is started here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache"
ASTERISK_ROOT = CACHE / "asterisk"
_POLICY = "#!/bin/sh\nexit 101\n"


def run(*words: str, **options: object) -> None:
    """Run a command, showing it."""
    print("+", " ".join(words), flush=True)
    subprocess.run(words, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **options)  # type: ignore[call-overload]


def mirror() -> str:
    """The Debian mirror that this machine uses."""
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        if path.is_file():
            found = re.search(r"(?:URIs:\s*|deb (?:\[[^]]*\] )?)(\S+/debian/?)(?:\s|$)", path.read_text())
            if found:
                return found.group(1)
    raise SystemExit("no Debian mirror is configured on this machine")


def forbid_services(root: Path) -> None:
    """Keep packages in ``root`` from starting the servers they bring."""
    policy = root / "usr/sbin/policy-rc.d"
    if not policy.exists():
        policy.write_text(_POLICY)
        policy.chmod(0o755)


def install_kamailio() -> None:
    """Install Debian's Kamailio."""
    forbid_services(Path("/"))
    run("apt-get", "install", "-y", "--no-install-recommends", "kamailio", "debootstrap", "sip-tester")


def install_asterisk() -> None:
    """Make a folder with Debian unstable's Asterisk."""
    if (ASTERISK_ROOT / "usr/sbin/asterisk").exists():
        print(f"Asterisk is in {ASTERISK_ROOT}")
        return
    shutil.rmtree(ASTERISK_ROOT, ignore_errors=True)
    ASTERISK_ROOT.mkdir(parents=True)
    run("debootstrap", "--variant=minbase", "sid", str(ASTERISK_ROOT), mirror())
    (ASTERISK_ROOT / "etc/apt/apt.conf.d/90bench").write_text('Acquire::Check-Valid-Until "false";\n')
    forbid_services(ASTERISK_ROOT)
    run("chroot", str(ASTERISK_ROOT), "apt-get", "update")
    packages = ("asterisk", "asterisk-modules")
    run("chroot", str(ASTERISK_ROOT), "apt-get", "install", "-y", "--no-install-recommends", *packages)


def main() -> int:
    """Install both; says what could not be."""
    if os.getuid() != 0 or not shutil.which("apt-get"):
        print("bench-peers installs Debian packages and needs root on a Debian machine", file=sys.stderr)
        return 1
    failed = []
    run("apt-get", "update", "-qq")
    for name, install in (("Kamailio", install_kamailio), ("Asterisk", install_asterisk)):
        try:
            install()
        except (subprocess.CalledProcessError, OSError) as error:
            failed.append(f"{name}: {error}")
    for line in failed:
        print(f"not installed: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
