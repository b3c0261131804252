"""Airbyte connectors from the Python package index, spoken to over the Airbyte protocol. No server, no containers.

    pins          which connectors, in which exact versions
    environments  each in a virtual environment of its own, made when the user accepts its licence
    handover      files with configuration and secrets, for the time of a run
    running       a program of others at work, and how it is ended
    process       one run of a connector: messages from its standard output, trouble from its standard error
    messages      the protocol's envelope
    discovery     detect: check the configuration, read the catalog
    fetching      sync: one run for all streams
    intake        what is printed during a sync, sorted: records as lines, states kept
    shapes        what records of a stream look like, learnt as they come
    loading       lines of one stream into typed Parquet

Protocol: https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol
"""
