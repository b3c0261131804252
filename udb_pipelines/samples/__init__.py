"""A small shop to try UDB on: customers, orders, payments, products, stock, suppliers.

``python -m udb_pipelines.samples FOLDER`` writes five files in five formats, the same bytes every time, with the
dirt of real exports planted in known amounts, so that a test (and a reader) can compare what UDB reports with
what is there. Everything in them is made up.

Belongs here: generating and writing the files. Does not: loading them; that is the product's job.
"""

from udb_pipelines.samples.files import SampleFile, create

__all__ = ["SampleFile", "create"]
