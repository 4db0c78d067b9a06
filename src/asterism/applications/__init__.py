"""SIP applications: calls, registrations, qualifies, messages, subscriptions.

Each application is a loadable module of its own and does not depend on the others. See
``docs/development/architecture.md``.
"""
