"""What must hold at run time, everywhere: errors, clock, egress, redaction, keys. The lowest layer: no Django."""
