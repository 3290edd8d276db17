"""Packing (pure), the check in a real service and the promotion (the two nodes with an effect), the summary."""
