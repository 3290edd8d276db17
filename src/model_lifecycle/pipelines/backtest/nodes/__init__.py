"""The nodes of the back-test."""
