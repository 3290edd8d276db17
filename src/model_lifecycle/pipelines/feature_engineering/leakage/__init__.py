"""Looks for inputs that know the outcome: one kind of leak a file, each a pure function."""
