"""The portal in a real Chromium, against the whole product."""
