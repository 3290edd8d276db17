"""Scores, figures, explanations, gates, evidence."""
