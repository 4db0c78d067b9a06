"""Asterisk's internal key/value database (``DB()``, ``database show``) on the embedded store."""

from __future__ import annotations

from asterism.data.store import Store, text_of

_SCHEMA = ("CREATE TABLE astdb (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",)


class AstDb:
    """Values by family and key, kept as ``/family/key`` like Asterisk does.

    A family may itself contain ``/``. Writes join the store's current batch.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: dict[str, str | None] = {}
        """Values written while the file was locked, by path, until queries find them; ``None``: removed."""
        store.migrate("astdb", _SCHEMA)

    def _write(self, sql: str, path: str, value: str | None) -> None:
        store = self._store
        store.write(sql, (path,) if value is None else (path, value))
        if self._held or store.waits:
            if not self._held:
                store.after_commit(self._held.clear, failed=self._held.clear)
            self._held[path] = value

    def get(self, family: str, key: str) -> str | None:
        """The value, or ``None``."""
        if self._held and f"/{family}/{key}" in self._held:
            return self._held[f"/{family}/{key}"]
        rows = self._store.read("SELECT value FROM astdb WHERE key = ?", (f"/{family}/{key}",))
        return str(text_of(rows[0][0])) if rows else None

    def put(self, family: str, key: str, value: str) -> None:
        """Add or replace a value."""
        self._write("INSERT OR REPLACE INTO astdb VALUES (?, ?)", f"/{family}/{key}", value)

    def delete(self, family: str, key: str) -> bool:
        """Remove a value; return whether there was one."""
        if self.get(family, key) is None:
            return False
        self._write("DELETE FROM astdb WHERE key = ?", f"/{family}/{key}", None)
        return True

    def delete_tree(self, family: str = "", key: str = "") -> int:
        """Remove everything below ``family`` (and ``key``); return how many values."""
        found = self.entries(family, key)
        for path, _ in found:
            self._write("DELETE FROM astdb WHERE key = ?", path, None)
        return len(found)

    def entries(self, family: str = "", key: str = "") -> list[tuple[str, str]]:
        """``("/family/key", value)`` of all values below ``family`` (and ``key``), sorted."""
        path = "/" + "/".join(part for part in (family, key) if part) if family or key else ""
        found = self._stored(path)
        if not self._held:
            return found
        values: dict[str, str | None] = dict(found)
        values |= {name: self._held[name] for name in self._held if not path or f"{name}/".startswith(f"{path}/")}
        return sorted((name, value) for name, value in values.items() if value is not None)

    def _stored(self, path: str) -> list[tuple[str, str]]:
        if not path:
            return [
                (text_of(row[0]), text_of(row[1]))
                for row in self._store.read("SELECT key, value FROM astdb ORDER BY key")
            ]
        # "0" follows "/" in ASCII, so the range holds exactly the keys below the path.
        rows = self._store.read(
            "SELECT key, value FROM astdb WHERE key = ? OR (key > ? AND key < ?) ORDER BY key",
            (path, path + "/", path + "0"),
        )
        return [(text_of(row[0]), text_of(row[1])) for row in rows]

    def keys(self, family: str) -> list[str]:
        """The names directly below ``family``, each once, sorted."""
        prefix = f"/{family}/" if family else "/"
        below = {path[len(prefix) :].split("/", 1)[0] for path, _ in self.entries(family) if path.startswith(prefix)}
        return sorted(below)
