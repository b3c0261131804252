"""Secrets: where they are kept (encrypted, or the environment), and how an address refers to them.

An address, an option or a file that people write holds ``${NAME}`` (an environment variable) or
``${secret:name}`` (an entry of the encrypted store), never the value. Values appear only in memory, at the
moment a connection is made, and are registered with the scrubber before anyone can log them.
"""
