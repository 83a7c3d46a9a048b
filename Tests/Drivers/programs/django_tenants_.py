"""django-tenants with psycopg 3, as it comes: SET search_path in front of what each cursor runs."""

import os
from importlib.metadata import version

import django
from django.conf import settings as configuration
from workers import COUNT, run_threads

configuration.configure(
    INSTALLED_APPS=["django.contrib.contenttypes"], USE_TZ=True, TIME_ZONE="UTC",
    DATABASES={"default": {
        "ENGINE": "django_tenants.postgresql_backend", "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"],
        "NAME": os.environ["PGDATABASE"]}})
django.setup()

from django.db import ProgrammingError, connection, transaction as transactions  # noqa: E402


def name():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM who")
        return cursor.fetchone()


def requests(worker, atomic):
    """Requests of two tenants in turn, on a connection that lasts."""
    try:
        for turn in range(20):
            connection.set_schema(f"s{(worker.number + turn % 2) % COUNT}")
            if atomic:
                with transactions.atomic():
                    worker.say(name(), name())
            else:
                worker.say(name(), name())
            connection.set_schema_to_public()
            try:
                worker.say(name())
            except ProgrammingError as error:
                worker.say("error", error.__cause__.sqlstate)
    finally:
        connection.close()


if __name__ == "__main__":
    run_threads(version("django-tenants"), {
        "settings": lambda worker: requests(worker, False),
        "transaction": lambda worker: requests(worker, True)})
