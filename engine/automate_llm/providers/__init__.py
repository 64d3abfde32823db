"""Providers: the contract (`base`), who is there (`registry`), and those that come with the package."""
