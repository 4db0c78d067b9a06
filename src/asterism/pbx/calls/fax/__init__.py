"""Fax: sending and receiving files, and the gateway between audio and T.38."""
