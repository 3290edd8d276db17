"""Monitoring: what a window of live traffic says about the data, the model, and what to do. Pure functions."""
