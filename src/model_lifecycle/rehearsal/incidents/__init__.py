"""What goes wrong in a rehearsal. Nothing in here may know how monitoring looks for it: `make lint` sees to that."""
