"""What a column's values stand for (email, IBAN, a person's name), and how personal that is.

Belongs here: recognising kinds of values with their evidence, and masking the values of personal columns. Does not:
the profile type of a column, which ``decide`` has settled before.
"""

from udb_pipelines.profiling.semantics.detect import Semantics, find_semantics
from udb_pipelines.profiling.semantics.masking import masked, without_values

__all__ = ["Semantics", "find_semantics", "masked", "without_values"]
