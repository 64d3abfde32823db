"""Contract tests for authors of plugins. Production code never imports this package."""
