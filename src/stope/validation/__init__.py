"""The validation table: every published or analytic case, what we get, and whether that is near enough.

Cases are data (`cases.yaml`); how we compute ours stands in one module a subject. `stope validate` prints the table.
"""

from stope.validation.case import Case, Check, CheckResult, Result, load_cases
from stope.validation.table import run_cases

__all__ = ["Case", "Check", "CheckResult", "Result", "load_cases", "run_cases"]
