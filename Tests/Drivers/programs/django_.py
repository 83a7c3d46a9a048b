"""Django's ORM with psycopg 3, as it comes."""

import os

import django
from django.conf import settings as configuration
from workers import run_threads

configuration.configure(
    INSTALLED_APPS=[], USE_TZ=True, TIME_ZONE="UTC",
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"],
        "NAME": os.environ["PGDATABASE"]}})
django.setup()

from django.db import DataError, IntegrityError, ProgrammingError, connection, models  # noqa: E402
from django.db import transaction as transactions  # noqa: E402
from django.db.models import Count, F, Sum  # noqa: E402


def sqlstate(error):
    return error.__cause__.sqlstate


class Connection:
    """Each thread has a connection of its own, which Django opens when it is needed."""

    def close(self):
        connection.close()


def scenario(function):
    """Makes a table of the worker's own and a model for it."""
    def run(worker):
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE IF EXISTS {worker.table}")
            name = f"Row{worker.scenario.title()}{worker.number}"
            meta = type("Meta", (), {"app_label": "matrix", "db_table": worker.table})
            model = type(name, (models.Model,), {
                "__module__": __name__, "Meta": meta,
                "v": models.IntegerField(unique=True), "t": models.TextField(null=True),
                "at": models.DateTimeField(null=True), "data": models.JSONField(null=True)})
            with connection.schema_editor() as editor:
                editor.create_model(model)
            function(worker, model)
        finally:
            connection.close()
    return run


def values(model):
    return list(model.objects.order_by("v").values_list("v", flat=True))


def repeated(worker, model):
    for number in range(30):
        model.objects.create(v=number, t=f"row {number}", data={"n": [number, None]})
    for number in range(30):
        row = model.objects.get(v=number)
        worker.say(row.id, row.t, row.data)
        model.objects.filter(v=number).update(v=F("v") + 100)
        worker.say(model.objects.filter(v__gte=100).aggregate(Count("id"), Sum("v")))


def transaction(worker, model):
    for turn in range(10):
        try:
            with transactions.atomic():
                for number in range(5):
                    model.objects.create(v=turn * 10 + number)
                worker.say(model.objects.count())
                if turn % 2:
                    raise ArithmeticError
        except ArithmeticError:
            pass
        worker.say(values(model))


def savepoint(worker, model):
    for turn in range(8):
        with transactions.atomic():
            model.objects.create(v=turn)
            try:
                with transactions.atomic():
                    model.objects.create(v=turn)
            except IntegrityError as error:
                worker.say("error", sqlstate(error))
            with transactions.atomic():
                model.objects.create(v=100 + turn)
        worker.say(values(model))


def errors(worker, model):
    with connection.cursor() as cursor:
        for turn in range(8):
            for query in ("SELECT nothing FROM nowhere", "SELECT 1 / 0", "THIS IS NO SQL"):
                try:
                    cursor.execute(query)
                    worker.say("no error")
                except (ProgrammingError, DataError) as error:
                    worker.say("error", sqlstate(error))
            row, created = model.objects.get_or_create(v=turn // 2, defaults={"t": "new"})
            worker.say(row.t, created)


def batch(worker, model):
    for turn in range(4):
        made = model.objects.bulk_create(
            [model(v=turn * 100 + number, t="t") for number in range(40)], batch_size=15)
        for row in made:
            row.t = f"row {row.v}"
        worker.say(model.objects.bulk_update(made, ["t"], batch_size=15))
        worker.say(list(model.objects.order_by("v").values_list("v", "t")))


def cursor(worker, model):
    model.objects.bulk_create([model(v=number) for number in range(50)])
    for turn in range(4):
        # Without a transaction this is a cursor WITH HOLD.
        worker.say([row.v for row in model.objects.order_by("v").iterator(chunk_size=7)])
        with transactions.atomic():
            worker.say([row.v for row in model.objects.order_by("-v").iterator(chunk_size=7)])


def settings(worker, model):
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO s{worker.number}, public")
        cursor.execute(f"SET statement_timeout TO '{30_000 + worker.number}ms'")
        for number in range(20):
            cursor.execute("SELECT name FROM who")
            worker.say(cursor.fetchone())
            cursor.execute("SHOW statement_timeout")
            worker.say(cursor.fetchone())
            model.objects.create(v=number)
        cursor.execute("RESET ALL")
        cursor.execute("SHOW statement_timeout")
        worker.say(cursor.fetchone())


if __name__ == "__main__":
    run_threads(django.__version__, {
        name: scenario(function) for name, function in {
            "repeated": repeated, "transaction": transaction, "savepoint": savepoint,
            "error": errors, "batch": batch, "cursor": cursor, "settings": settings}.items()})
