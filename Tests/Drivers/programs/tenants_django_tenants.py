"""django-tenants with a schema for each tenant that Sluice sets: its backend names the tenant."""

import os
import sys
from importlib.metadata import version

import django
import tenants
from django.conf import settings as configuration

# The backend is this program, as the module BACKEND.base.
sys.modules["named_schemas"] = sys.modules["named_schemas.base"] = sys.modules[__name__]
configuration.configure(
    INSTALLED_APPS=["django.contrib.contenttypes"], USE_TZ=True, TIME_ZONE="UTC",
    DATABASES={"default": {
        "ENGINE": "named_schemas", "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"], "NAME": os.environ["PGDATABASE"]}})

django.setup()

from django_tenants.postgresql_backend import base  # noqa: E402


class DatabaseWrapper(base.DatabaseWrapper):
    def _handle_search_path(self, cursor=None):
        if self._setting_search_path:
            return
        self._setting_search_path = True
        try:
            with self.connection.cursor() as own:
                if self.schema_name == base.get_public_schema_name():
                    own.execute("RESET app.tenant_id")
                else:
                    own.execute(
                        "SELECT set_config('app.tenant_id', %s, false)", [self.schema_name])
        finally:
            self._setting_search_path = False


from django.db import connection, transaction  # noqa: E402
from workers import run_threads  # noqa: E402


def name():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM shop")
        return cursor.fetchone()[0]


def schema(worker):
    try:
        for turn in range(20):
            tenant = ("acme", "globex")[(worker.number + turn) % 2]
            connection.set_schema(tenant)
            with transaction.atomic():
                names = [name(), name()]
            names.append(name())
            worker.say(turn, *names)
            if set(names) != {tenant}:
                raise tenants.ForeignRow(f"{names} to {tenant}")
            connection.set_schema_to_public()
            worker.say(name())
            if name() != "nobody":
                raise tenants.ForeignRow("somebody's to nobody")
    finally:
        connection.close()


if __name__ == "__main__":
    run_threads(version("django-tenants"), {"schema": schema})
