"""Detection: what it tells apart, on real files."""
