"""The nodes of monitoring."""
