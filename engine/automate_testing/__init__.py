"""For tests of plugins (`contracts`) and of workflows (`workflows`). Production code never imports this package."""
