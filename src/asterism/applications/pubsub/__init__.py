"""Subscriptions (RFC 6665): what is watched, who watches, and in which words it is told."""
