"""What developers run beside the package: the reference pages, the picture of the report."""
