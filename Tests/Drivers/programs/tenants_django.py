"""Django with tenants: requests go through its WSGI handler and a middleware that names the tenant.

With psycopg 3 its pool is shared by all threads; with psycopg2 each thread keeps its connection.
"""

import json
import os
import sys

import tenants

DRIVER, *HOW = tenants.BACKEND.split()
if DRIVER == "psycopg2":
    # Django takes psycopg 3 where it finds it.
    sys.modules["psycopg"] = None

import django  # noqa: E402
from django.conf import settings  # noqa: E402

DATABASE = {
    "ENGINE": "django.db.backends.postgresql", "HOST": os.environ["PGHOST"],
    "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"], "NAME": os.environ["PGDATABASE"]}
if DRIVER == "psycopg":
    DATABASE["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": tenants.POOL_SIZE, "timeout": 20},
        "server_side_binding": "bound" in HOW}
else:
    DATABASE["CONN_MAX_AGE"] = None
settings.configure(
    INSTALLED_APPS=[], USE_TZ=True, TIME_ZONE="UTC", SECRET_KEY="none", ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.TenantMiddleware"], LOGGING_CONFIG=None,
    DEBUG_PROPAGATE_EXCEPTIONS=True, DATABASES={"default": DATABASE})
django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.db import DatabaseError, connection, models, transaction  # noqa: E402
from django.db.backends.signals import connection_created  # noqa: E402
from django.db.models import F  # noqa: E402
from django.dispatch import receiver  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.urls import path  # noqa: E402
from workers import run_threads  # noqa: E402


class Note(models.Model):
    id = models.BigAutoField(primary_key=True)
    tenant_id = models.TextField()
    own = models.TextField()
    run = models.TextField()
    worker = models.IntegerField()
    turn = models.IntegerField()
    touched = models.IntegerField()

    class Meta:
        app_label = "tenants"
        db_table = 'tenants"."note'
        managed = False


class NewNote(models.Model):
    """What a view writes: whose it is, is the server's default."""

    id = models.BigAutoField(primary_key=True)
    own = models.TextField()
    run = models.TextField()
    worker = models.IntegerField()
    turn = models.IntegerField()

    class Meta:
        app_label = "tenants"
        db_table = 'tenants"."note'
        managed = False


# MARK: how the tenant is named

NAMINGS = (
    "set", "set_config", "autocommit", "SET LOCAL", "local set_config", "bound set_config")


def execute(query, *values):
    with connection.cursor() as cursor:
        cursor.execute(query, values or None)


@receiver(connection_created)
def name_new_connection(connection, **_):
    """With the pool, a connection is a new one to each request."""
    if tenants.current.get():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('app.tenant_id', %s, false)", [tenants.current.get()])


class TenantMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        tenant = request.headers["x-tenant"]
        naming = request.headers["x-naming"]
        try:
            if naming in ("set", "autocommit"):
                # Bound on the server, SET takes no parameter, with Sluice and without it.
                if "bound" in HOW:
                    execute(f"SET app.tenant_id = '{tenant}'")
                else:
                    execute("SET app.tenant_id = %s", tenant)
                response = self.get_response(request)
                execute("RESET app.tenant_id")
                return response
            if naming == "set_config":
                if DRIVER == "psycopg":
                    return self.get_response(request)
                execute("SELECT set_config('app.tenant_id', %s, false)", tenant)
                return self.get_response(request)
            with transaction.atomic():
                if naming == "SET LOCAL":
                    execute(f"SET LOCAL app.tenant_id = '{tenant}'")
                elif naming == "local set_config":
                    execute("SELECT set_config('app.tenant_id', %s, true)", tenant)
                else:
                    execute("SELECT set_config(%s, %s, %s)", "app.tenant_id", tenant, True)
                    execute("SELECT set_config(%s, %s, %s)", "app.user_id", "5", False)
                return self.get_response(request)
        except DatabaseError as error:
            return JsonResponse({"lines": [["refused", sqlstate(error)]]})


def sqlstate(error):
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or str(error)


# MARK: views


class Abandoned(Exception):
    pass


def work(request):
    worker, turn = int(request.GET["worker"]), int(request.GET["turn"])
    naming, tenant = request.headers["x-naming"], request.headers["x-tenant"]
    unit = tenants.Unit(naming, worker, turn, tenant, request.GET["fate"])
    lines = []
    try:
        if naming == "autocommit":
            touch(unit, lines)
            finish(unit)
        else:
            with transaction.atomic():
                touch(unit, lines)
                finish(unit)
    except DatabaseError as error:
        lines.append(["error", sqlstate(error)])
    except Abandoned:
        pass
    return JsonResponse({"lines": lines})


def touch(unit, lines):
    made = NewNote.objects.create(**unit.row())
    owners = Note.objects.values_list("tenant_id", "own")
    unit.check([owners.get(id=made.id)])
    # A cursor of the server; outside of a transaction it is WITH HOLD.
    unit.check(owners.order_by("id").iterator(chunk_size=100))
    mine = Note.objects.filter(run=unit.run, worker=unit.worker)
    touched = mine.update(touched=F("touched") + 1)
    lines.append([unit.turn, unit.tenant, unit.fate, touched, mine.count()])


def finish(unit):
    if unit.fate == "error":
        NewNote.objects.create(**unit.row())
    if unit.fate == "foreign":
        Note.objects.create(tenant_id=unit.other, touched=0, **unit.row(own=unit.other))
    if unit.fate == "rollback":
        raise Abandoned


def audit(request):
    with connection.cursor() as cursor:
        cursor.execute(
            tenants.audit_query(request.headers["x-naming"], int(request.GET["worker"])))
        return JsonResponse({"lines": cursor.fetchall()})


def everything(request):
    owners = list(Note.objects.values_list("tenant_id", "own"))
    return JsonResponse({"lines": sorted(set(owners))})


urlpatterns = [path("work", work), path("audit", audit), path("everything", everything)]


# MARK: threads

_handler = WSGIHandler()


def request(where, naming, tenant, **values):
    """What the view says, or what has gone wrong in it."""
    tenants.current.set(tenant if naming == "set_config" and DRIVER == "psycopg" else None)
    environ = RequestFactory().get(
        f"/{where}", values, headers={"x-tenant": tenant, "x-naming": naming}).environ
    try:
        response = _handler(environ, lambda *_: None)
    except Exception:
        connection.close()
        raise
    body = b"".join(response)
    # Ends the request: with the pool, its connection goes back.
    response.close()
    return json.loads(body)["lines"]


def mixed(worker):
    for unit in tenants.units(worker):
        for line in request(
                "work", worker.scenario, unit.tenant, worker=unit.worker, turn=unit.turn,
                fate=unit.fate):
            worker.say(*line)
    tenants.audit(
        worker, request("audit", worker.scenario, tenants.TENANTS[0], worker=worker.number))


def refused(worker):
    for naming in NAMINGS:
        for tenant in tenants.TENANTS:
            lines = request("everything", naming, tenants.REFUSED)
            worker.say(*lines)
            if lines != [["refused", "42501"]]:
                raise tenants.ForeignRow("nobody refused the tenant")
            owners = request("everything", naming, tenant)
            tenants.Unit(naming, worker.number, tenant=tenant).check(owners)


if __name__ == "__main__":
    run_threads(django.__version__, {**dict.fromkeys(NAMINGS, mixed), "refused": refused})
