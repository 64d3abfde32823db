"""`"ENGINE": "automate.backends.mariadb"`: Django's backend for MariaDB, with UUIDs as char(32), as on MySQL.

From 5.0 on Django keeps them in MariaDB's own type, which refuses (error 1292, "Incorrect uuid value") each value whose
version is 8 or higher and whose ninth byte is 1 to 128: measured on MariaDB 10.11, each version and byte. Trace ids are
any 128 bits, so a quarter of them cannot be stored; of the ids made here one in 64.
"""
