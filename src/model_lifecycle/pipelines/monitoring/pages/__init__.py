"""The pages of monitoring: one a window, and one over time."""
