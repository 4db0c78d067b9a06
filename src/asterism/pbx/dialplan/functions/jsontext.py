"""JSON_DECODE: a value within a text of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions import textfiles
from asterism.pbx.dialplan.functions.common import value_of
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class JsonFunction(PbxModule):
    """The function."""

    name: ClassVar[str] = "func_json"
    description: ClassVar[str] = "JSON in the dialplan"

    @function(
        "JSON_DECODE",
        Documentation(
            "A value within a text of JSON.",
            "JSON_DECODE(varname,item[,separator[,options]])",
            "Empty for a key that is not there and for null; 1 or 0 for true and false; JSON for an object or a list.",
            (
                Argument("varname", "The variable with the JSON, without ${}.", True),
                Argument("item", "The key, or several that lead further in; numbers from 0 go into lists.", True),
                Argument("separator", "What stands between keys; a dot by default."),
                Argument("options", values=(("c", "of a list, how many values it has"),)),
            ),
            ("CURL",),
        ),
    )
    def decode(self, channel: Channel | None, args: str) -> str:
        """``varname,item,separator,options``."""
        name, item, separator, options = [*split_arguments(args, limit=4), "", "", ""][:4]
        if not (name.strip() and item.strip()):
            raise FunctionError("it needs a variable and an item")
        text = value_of(self.pbx, channel, name)
        if not text:
            raise FunctionError(f"the variable '{name}' is empty")
        try:
            found: Any = json.loads(text)
        except ValueError as error:
            raise FunctionError(f"'{name}' is no JSON: {error}") from None
        for key in str(item).split(str(separator)[:1] or "."):
            found = _within(found, key)
        return str(len(found)) if "c" in options and isinstance(found, list) else _text(found)


def _within(found: Any, key: str) -> Any:
    if isinstance(found, dict):
        return found.get(key)
    if isinstance(found, list) and key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(found):
        return found[int(key)]
    return None


def _text(found: Any) -> str:
    if found is None:
        return ""
    if isinstance(found, bool):
        return "1" if found else "0"
    return textfiles.clean(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))
