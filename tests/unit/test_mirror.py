"""The tests mirror the source: ``unit/x/test_y.py`` or ``integration/x/test_y.py`` for ``asterism/x/y.py``."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "asterism"
TESTS = (ROOT / "tests" / "unit", ROOT / "tests" / "integration")
PACKAGES = ("config", "core", "data", "interception", "media", "sip", "stack", "transport")

WITHOUT = frozenset(
    {
        "config/comments",
        "config/errors",
        "config/reader",
        "config/values",
        "core/calling",
        "core/commands",
        "core/compiled",
        "core/documentation",
        "core/errors",
        "core/module",
        "core/nearest",
        "core/restriction",
        "core/routes",
        "core/security",
        "data/backends",
        "data/cache_options",
        "data/commands",
        "data/errors",
        "data/network",
        "data/options",
        "data/realtime/backend",
        "data/realtime/commands",
        "data/realtime/database",
        "data/realtime/links",
        "data/realtime/module",
        "data/realtime/queries",
        "data/realtime/rows",
        "data/realtime/schema",
        "data/realtime/settings",
        "data/server",
        "data/table",
        "interception/acl",
        "interception/authentication",
        "interception/connections",
        "interception/failures",
        "interception/history_filter",
        "interception/identification",
        "interception/logger",
        "interception/maintenance",
        "interception/pcap",
        "interception/replay",
        "interception/reports",
        "media/commands",
        "media/core",
        "media/inactivity",
        "media/packet",
        "media/reporter",
        "media/send_state",
        "media/sender",
        "media/server",
        "media/sockets",
        "media/statistics",
        "media/transmitter",
        "media/transports/parameters",
        "sip/authentication",
        "sip/authentication_check",
        "sip/cli/actions",
        "sip/cli/explain",
        "sip/cli/fetching",
        "sip/cli/layout",
        "sip/cli/manager_order",
        "sip/cli/module",
        "sip/contacts",
        "sip/core",
        "sip/decision",
        "sip/dialogs",
        "sip/events",
        "sip/explain",
        "sip/flows",
        "sip/identifiers/anonymous",
        "sip/identifiers/ip",
        "sip/identifiers/lookup",
        "sip/identifiers/names",
        "sip/identifiers/user",
        "sip/lifecycle",
        "sip/module",
        "sip/objects/acl",
        "sip/objects/aor",
        "sip/objects/auth",
        "sip/objects/codecs",
        "sip/objects/contact",
        "sip/objects/domain_alias",
        "sip/objects/endpoint",
        "sip/objects/global_",
        "sip/objects/identify",
        "sip/objects/kinds",
        "sip/objects/registration",
        "sip/objects/system",
        "sip/objects/transport",
        "sip/parking",
        "sip/resolver_unbound",
        "sip/rx",
        "sip/scheduled",
        "sip/sending",
        "sip/server",
        "sip/service",
        "sip/state",
        "sip/tags",
        "sip/traces",
        "sip/user_hashes",
        "stack/digest/client",
        "stack/digest/hashing",
        "stack/digest/headers",
        "stack/digest/nonces",
        "stack/digest/params",
        "stack/errors",
        "stack/flow",
        "stack/grammar",
        "stack/header_lines",
        "stack/headers/address",
        "stack/headers/base",
        "stack/headers/cseq",
        "stack/headers/dates",
        "stack/headers/dialogs",
        "stack/headers/events",
        "stack/headers/identity",
        "stack/headers/info",
        "stack/headers/media_type",
        "stack/headers/names",
        "stack/headers/reason",
        "stack/headers/session_timer",
        "stack/headers/via",
        "stack/limits",
        "stack/parser",
        "stack/reasons",
        "stack/sdp/offer_answer",
        "stack/transactions/client_invite",
        "stack/transactions/client_layer",
        "stack/transactions/client_non_invite",
        "stack/transactions/current",
        "stack/transactions/matching",
        "stack/transactions/server",
        "stack/transactions/state",
        "stack/transactions/users",
        "transport/base",
        "transport/datagrams",
        "transport/errors",
        "transport/loop",
        "transport/settings",
        "transport/stream",
    }
)
"""Modules that are tested with others, or through a server, and have no test file of their own. It only shrinks."""


def _modules() -> set[str]:
    found = (path.relative_to(SOURCE) for package in PACKAGES for path in (SOURCE / package).rglob("*.py"))
    return {str(path.with_suffix("")) for path in found if path.name != "__init__.py"}


def _has_test(module: str) -> bool:
    path = Path(module)
    return any((folder / path.parent / f"test_{path.name}.py").exists() for folder in TESTS)


def test_ever_fewer_modules_are_without_a_test_file_of_their_own() -> None:
    without = {module for module in _modules() if not _has_test(module)}
    assert sorted(without - WITHOUT) == [], "write a test file at the mirrored path"
    assert sorted(WITHOUT - without) == [], "there is one now, or no such module: take it out of the list"


def _imports(path: Path, names: set[str]) -> set[str]:
    """The modules of ours that a file needs to be imported: not for types, nor inside functions."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                found.add(below if below in names else node.module)
        waiting.extend(ast.iter_child_nodes(node))
    return found & names


def test_modules_do_not_import_each_other_in_circles() -> None:
    paths = {
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in SOURCE.rglob("*.py")
    }
    graph = {name: _imports(path, set(paths)) - {name} for name, path in paths.items()}
    # What imports nothing that is left, or is imported by nothing that is left, is in no circle.
    while True:
        used = set().union(*graph.values()) if graph else set()
        outside = {name for name, uses in graph.items() if not uses or name not in used}
        if not outside:
            break
        graph = {name: uses - outside for name, uses in graph.items() if name not in outside}
    assert sorted(graph) == []
