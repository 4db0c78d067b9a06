"""What a SIP message does: calls, registrations, qualifies, messages, subscriptions.

Each application is a loadable module of its own, and none knows another. See
``docs/development/architecture.md``.
"""
