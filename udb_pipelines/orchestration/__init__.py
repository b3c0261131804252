"""Dagster's view of UDB: the five stages as assets, and what starts, guards, shows and resumes them.

The only package that imports dagster. Nothing here knows how a file is read or a profile is made: an asset
calls one stage function and describes its result. What belongs to a stage stays callable without Dagster.

    build.py       every definition, assembled             runner.py    one job in this process, on the ledger
    assets.py      detection ... publication               ledger.py    what ran, from Dagster's run storage
    snapshots.py   the snapshot, and copies in between
    io_manager.py  the warehouse: the single writer        instance.py  Dagster's own settings and storage
    stage_io.py    the other stages' outputs, as JSON      pools.py     limits, and slots left by the dead
    checks.py      what must hold for a dataset            landing.py, sensors.py, schedules.py: what starts jobs

Docs: https://docs.dagster.io/guides/build/assets
"""
