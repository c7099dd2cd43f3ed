"""Logs as tables: Parquet files by topic, and SQL over many logs."""
