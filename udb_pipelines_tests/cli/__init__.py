"""The command ``udb``, from the outside."""
