"""The prediction service: a bare ASGI application, its live history and log, and its deployment on Ray Serve."""
