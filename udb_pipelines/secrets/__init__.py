"""Secrets: where they are kept (encrypted, or the environment), and how an address refers to them.

An address, an option or a file that people write holds ``${NAME}`` (an environment variable), ``${secret:name}`` (an
entry of the encrypted store) or ``${oauth:name}`` (a sign-in at a provider), never the value. Values appear only in
memory, at the moment a connection is made, and are registered with the scrubber before anyone can log them.
"""
