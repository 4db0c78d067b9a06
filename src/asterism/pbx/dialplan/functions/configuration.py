"""AST_CONFIG: options of configuration files."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, ClassVar

from asterism.config import ConfigFile
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ConfigError
from asterism.pbx.dialplan.functions.blocking import Blocking
from asterism.pbx.dialplan.functions.common import integer
from asterism.pbx.dialplan.functions.textfiles import path_of
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import waiting_function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from pathlib import Path

    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer


class ConfigurationFunction(PbxModule):
    """The function."""

    name: ClassVar[str] = "func_config"
    description: ClassVar[str] = "Configuration files in the dialplan"

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register the function."""
        self._folder: Path = server.paths.etc
        self._blocking = Blocking("func_config")
        server.owner.on_release(self._blocking.close)
        return super().load(server)

    @waiting_function(
        "AST_CONFIG",
        Documentation(
            "An option of a configuration file.",
            "AST_CONFIG(config_file,category,variable_name[,index])",
            "The file is read each time; nothing in it is run. Empty where there is no such option. Manager clients "
            "and the like may not use it unless live_dangerously is set.",
            (
                Argument("config_file", "Its name in the folder of the configuration, or a path.", True),
                Argument("category", "The section.", True),
                Argument("variable_name", "The option.", True),
                Argument("index", "Which, where there are several: from 0, the default; -1 is the last."),
            ),
            ("REALTIME",),
        ),
        dangerous=True,
        marks=True,
    )
    async def read(self, channel: Channel | None, args: str) -> str:
        """``file,category,name,index``."""
        file, section, name, index = [*(one.strip() for one in args.split(",", 3)), "", "", ""][:4]
        if not (file and section and name):
            raise FunctionError("it needs a file, a category and a variable's name")
        number = integer(index, "an index") if index else 0
        values = await self._blocking.run(self._values, path_of(file), str(section), str(name))
        return values[number] if -len(values) <= number < len(values) else ""

    def _values(self, file: str, section: str, name: str) -> list[str]:
        path = self._folder / file
        if not path.is_file():
            raise FunctionError(f"there is no file '{path}'")
        try:
            loaded = ConfigFile.load(path)
        except ConfigError as error:
            raise FunctionError(str(error)) from None
        return [
            option.value
            for one in loaded.sections
            if one.name.lower() == section.lower()
            for option in one
            if option.name.lower() == name.lower()
        ]
