"""Message interception: tracing, security and authentication, before any application sees a request."""
