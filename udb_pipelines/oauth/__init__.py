"""Signing in at a provider once, and access tokens that are valid whenever a source needs one.

    provider.py   what is known of a provider, and requests to it
    flows.py      the two ways to sign in: in a browser on this machine, or with a code on any other device
    grants.py     what was granted, kept encrypted; renewed by exactly one of all processes that need it

An address or a setting says ``${oauth:NAME}``; ``udb oauth login NAME`` makes it.
"""
