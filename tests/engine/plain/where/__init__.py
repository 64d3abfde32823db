"""An app of a plain project with a connector that tells in which process it runs."""
