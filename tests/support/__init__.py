"""What the tests stand on; imported by conftest.py."""
