"""Events of the server as a whole."""

from __future__ import annotations

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType

RELOAD = EventType(
    "Reload",
    "system",
    lambda module, status: [("Module", module), ("Status", status)],
    Documentation(
        "A module, or everything, read its configuration again.",
        arguments=(
            Argument("Module", "The module, or All."),
            Argument("Status", "How it went.", values=(("0", "Success."), ("1", "Still queued."), ("3", "Failed."))),
        ),
    ),
)

LOAD = EventType(
    "Load",
    "system",
    lambda module, status: [("Module", module), ("Status", status)],
    Documentation(
        "A module was loaded, or could not be.",
        arguments=(
            Argument("Module", "Its name."),
            Argument("Status", "How it went.", values=(("Success", ""), ("Failure", ""), ("Decline", ""))),
        ),
        see_also=("Unload", "Reload"),
    ),
)

UNLOAD = EventType(
    "Unload",
    "system",
    lambda module: [("Module", module), ("Status", "Success")],
    Documentation(
        "A module was unloaded.",
        arguments=(Argument("Module", "Its name."), Argument("Status", "Always Success.")),
        see_also=("Load", "Reload"),
    ),
)

SHUTDOWN = EventType(
    "Shutdown",
    "system",
    lambda restart: [("Shutdown", "Cleanly"), ("Restart", "True" if restart else "False")],
    Documentation(
        "The server is about to stop.",
        arguments=(
            Argument("Shutdown", "How.", values=(("Cleanly", ""), ("Uncleanly", ""))),
            Argument("Restart", "Whether it will start again.", values=(("True", ""), ("False", ""))),
        ),
    ),
)
