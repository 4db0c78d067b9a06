"""The front ends that serve the registries: manager, console, log channels."""
