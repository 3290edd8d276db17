"""Plotly figures, one topic a file; each is drawn from plain numbers and reads in light and dark."""
