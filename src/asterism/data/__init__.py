"""The data access layer: typed objects, where they come from, and how they survive.

``Data`` answers from memory and asks backends; ``ConfiguredObject`` is the base of every typed
object; ``Store`` is the embedded database with its commit per batch; ``AstDb`` the key/value
store on top of it.
"""

from asterism.data.astdb import AstDb
from asterism.data.data import Change, Data, DataError, DataUnavailableError, Missing, ReloadReport
from asterism.data.options import ConfiguredObject, InvalidOptionError, OptionSpec, derived, modifier, option
from asterism.data.store import Store, StoreError

__all__ = [
    "AstDb",
    "Change",
    "ConfiguredObject",
    "Data",
    "DataError",
    "DataUnavailableError",
    "InvalidOptionError",
    "Missing",
    "OptionSpec",
    "ReloadReport",
    "Store",
    "StoreError",
    "derived",
    "modifier",
    "option",
]
