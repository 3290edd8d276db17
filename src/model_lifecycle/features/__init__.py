"""Features over columns: the same functions serve a whole table and a one-row request."""
