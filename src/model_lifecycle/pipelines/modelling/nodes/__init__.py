"""Feasibility, search, choice and fit."""
