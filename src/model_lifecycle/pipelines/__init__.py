"""The stages of the lifecycle; they never import one another and meet only in the catalog."""
