"""Data contracts: read, validated, inferred, asked, kept, compared."""
