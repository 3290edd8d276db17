"""Where effects stand: what the catalog reads and writes besides Kedro's own datasets."""
