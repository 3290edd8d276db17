"""How a rehearsal went: what was planted and seen, what was done, what it was worth, what was lost."""
