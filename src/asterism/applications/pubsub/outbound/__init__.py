"""Subscriptions and publications that this server makes at others."""
