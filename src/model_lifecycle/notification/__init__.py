"""Channels that tell people of alerts, and the delivery that never holds a run up."""
