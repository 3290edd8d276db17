"""What the parts agree on: typed, frozen, extra fields refused."""
