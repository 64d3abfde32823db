"""A fleet over a message broker: Celery workers that a ringer calls. Without a broker nothing here is loaded."""
