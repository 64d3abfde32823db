"""Database backends for `DATABASES`, where Django's own needs a correction."""
