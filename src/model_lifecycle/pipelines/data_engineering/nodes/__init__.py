"""Checked raw tables, decisions and events, the primary table as of a moment, and the quality of it all."""
