"""Which flights will be cancelled."""
