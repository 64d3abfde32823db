-- grant_places: give the free places of these keys to whoever waits longest, and arm those runs' jobs.
SELECT automate_grant_places(%(kind)s::text, %(keys)s::text[])
