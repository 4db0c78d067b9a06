"""Realtime: typed objects in SQL databases, through SQLAlchemy's asyncio side.

Tables and columns are Asterisk's: a table per type, its columns the type's options, ``id`` the key. SQLAlchemy and
the drivers are imported when a database is first used, so a server without realtime needs none of them.
"""
