"""Figures and self-contained pages, made from plain evidence. Pure: data in, figure or text out."""
