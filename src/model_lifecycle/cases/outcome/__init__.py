"""Whether a flight will be early, on time, late, or not arrive as planned."""
