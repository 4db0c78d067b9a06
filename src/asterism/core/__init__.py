"""The base of every other package: modules, registries, documentation, the event bus, errors.

Nothing here knows SIP, a channel or a socket. See ``docs/development/architecture.md``.
"""
