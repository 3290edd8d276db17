"""How many minutes after schedule a flight will arrive."""
