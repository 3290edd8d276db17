"""A tabular business question, taken all the way round the machine-learning lifecycle."""

__version__ = "0.1.0"
