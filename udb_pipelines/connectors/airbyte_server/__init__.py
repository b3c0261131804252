"""An Airbyte server, self-managed or cloud, as the one that reads a source.

    airbyte-server:NAME             a connector of the server's catalog, configured by us
    airbyte-server:connection/ID    a connection that somebody made there

The server moves the rows into its destination, a PostgreSQL database; they are read from there into the warehouse,
by the reader of that database, so that a source of an Airbyte server takes the path that every source takes.

    wire        what the server answers, as far as it is used
    transport   sign-in, retries, errors, pages
    client      the calls
    address     what an address and a configuration say
    catalog     which streams a source has
    upkeep      sources, destinations and connections, made or found again by name
    jobs        a sync: started once, watched to its end, cancelled with the run
    discovery   the detect stage
    fetching    the sync stage: run the job
    loading     the sync stage: read the destination's tables
"""
