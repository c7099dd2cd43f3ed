"""(topic, message, time) -> file: write, read, export. Knows no robot."""
