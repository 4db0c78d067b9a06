"""Write the reference pages that are made from the code: ``python docs/generate.py [--check]``.

With ``--check`` nothing is written; the exit status is 1 when a page is not what the code says.
"""

from __future__ import annotations

import sys
from pathlib import Path

from asterism.data import ConfiguredObject, OptionSpec
from asterism.server.discovery import configured_types

FOLDER = Path(__file__).parent / "reference"

HEAD = """\
# Configuration reference: {title}

<!-- Made by docs/generate.py from the option tables: change those, not this page. -->

"""

FILES = {"named_acl": "acl.conf", "wizard": "pjsip_wizard.conf"}


def main() -> int:
    """Write or check the pages."""
    stale = 0
    for name, text in pages().items():
        path = FOLDER / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text() != text:
                sys.stderr.write(f"{path} is out of date: run python docs/generate.py\n")
                stale = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return stale


def pages() -> dict[str, str]:
    """Every generated page, by name."""
    types = [cls for cls in configured_types() if not cls.RUNTIME]
    made = {f"{cls.TYPE}.md": _page(cls) for cls in types}
    made["README.md"] = _index(types)
    return made


def _index(types: list[type[ConfiguredObject]]) -> str:
    lines = [
        HEAD.format(title="objects"),
        "One section of a file is one object; its `type` says what it is. `asterism check DIR` tells what is wrong\n",
        "with a configuration, with file and line. Objects can be in databases as well: see\n",
        "[realtime](../realtime.md).\n\n",
        "| type | file | table | what it is |\n|---|---|---|---|\n",
    ]
    for cls in types:
        table = f"`{cls.REALTIME}`" if cls.REALTIME else ""
        lines.append(
            f"| [{cls.TYPE}]({cls.TYPE}.md) | {FILES.get(cls.TYPE, 'pjsip.conf')} | {table} | {_synopsis(cls)} |\n"
        )
    return "".join(lines)


def _page(cls: type[ConfiguredObject]) -> str:
    text = (cls.__doc__ or "").strip()
    _, _, rest = text.partition("\n")
    lines = [HEAD.format(title=cls.TYPE), _synopsis(cls), "\n"]
    if rest.strip():
        lines += ["\n", "\n".join(line.strip() for line in rest.strip().splitlines()).replace("``", "`"), "\n"]
    lines.append("\n| option | default | accepted | meaning |\n|---|---|---|---|\n")
    lines += [_row(spec) for spec in cls.OPTIONS if not spec.no_effect]
    silent = [spec for spec in cls.OPTIONS if spec.no_effect]
    if silent:
        lines.append("\n## Accepted, without effect\n\n")
        lines.append("These are checked like all others, and named once in the log when they are set.\n\n")
        lines.append("| option | default | accepted | why it does nothing |\n|---|---|---|---|\n")
        lines += [_row(spec, spec.no_effect) for spec in silent]
    return "".join(lines)


def _synopsis(cls: type[ConfiguredObject]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0].replace("``", "`")


def _row(spec: OptionSpec, meaning: str = "") -> str:
    cells = [f"`{spec.name}`", *map(_cell, (_default(spec), spec.kind.accepted, meaning or spec.help))]
    if spec.required:
        cells[1] = "required"
    return f"| {' | '.join(cells)} |\n"


def _default(spec: OptionSpec) -> str:
    if spec.default is None:
        return ""
    value = spec.kind.format(spec.default)
    return f"`{value}`" if value else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
