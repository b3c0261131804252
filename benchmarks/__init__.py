"""What UDB promises about speed and memory, measured against something plain in the same run.

``make bench`` prints a table and saves it as ``benchmarks/RESULTS.md``. Ratios are what counts: seconds depend on
the machine, ratios hardly do. One module per question; how to measure is in ``measure.py``. ``make corpora`` answers
another question: what becomes of files that nobody here wrote.
"""
