"""The syntax of Asterisk's configuration files: reading, with exact positions, and editing.

One reader serves every file (``asterisk.conf``, ``extensions.conf``, ``pjsip.conf``, ...); what a
section means is up to the caller.
"""

from asterism.config.asterisk_conf import AsteriskConf, Directories, Options
from asterism.config.errors import ConfigErrors
from asterism.config.file import ConfigFile, Option, Section
from asterism.config.values import is_true

__all__ = ["AsteriskConf", "ConfigErrors", "ConfigFile", "Directories", "Option", "Options", "Section", "is_true"]
