"""Protocol conversion: services, works, identification, authentication, sending, the location service."""
