"""See the package. Django looks for `DatabaseWrapper` in a module of this name."""

from __future__ import annotations

from django.db.backends.mysql import base, features


class DatabaseFeatures(features.DatabaseFeatures):
    has_native_uuid_field = False


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
