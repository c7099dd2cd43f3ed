"""Does a log keep to the format? What `stope log check` asks of ours and of a partner's."""

from stope.tasklog.conform.check import check
from stope.tasklog.conform.finding import Finding, Report

__all__ = ["Finding", "Report", "check"]
