"""hellodl."""
