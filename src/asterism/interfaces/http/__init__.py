"""The HTTP listener: one for all modules, which register routes with the server."""
