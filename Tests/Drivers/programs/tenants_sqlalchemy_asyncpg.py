"""SQLAlchemy's ORM with tenants and asyncpg, which prepares every statement by name."""

import sqlalchemy
import tenants
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from tenants import current
from tenants_sqlalchemy import NAMINGS, Note, audit_of, expect_refusal, options, work
from workers import run_tasks

_engines = {}


def engine_of(scenario):
    """The engine that all tasks share."""
    if scenario not in _engines:
        engine = create_async_engine(
            "postgresql+asyncpg://", connect_args={"ssl": False}, **options(scenario))
        NAMINGS[scenario](engine.sync_engine, "$1")
        _engines[scenario] = engine
    return _engines[scenario]


async def mixed(worker):
    engine = engine_of(worker.scenario)
    for unit in tenants.units(worker):
        current.set(unit.tenant)
        async with AsyncSession(engine) as session:
            await session.run_sync(work, unit, worker.say)
    if worker.scenario == "set":
        current.set(None)
        async with AsyncSession(engine) as session:
            worker.say("nobody", await session.scalar(select(func.count()).select_from(Note)))
    current.set(tenants.TENANTS[0])
    async with AsyncSession(engine) as session:
        tenants.audit(worker, await session.execute(audit_of(worker)))


async def refused(worker):
    for scenario in NAMINGS:
        engine = engine_of(scenario)
        for tenant in tenants.TENANTS:
            current.set(tenants.REFUSED)
            async with AsyncSession(engine) as session:
                await session.run_sync(expect_refusal, worker.say)
            current.set(tenant)
            unit = tenants.Unit(scenario, worker.number, tenant=tenant)
            async with AsyncSession(engine) as session:
                unit.check(await session.execute(select(Note.tenant_id, Note.own)))


if __name__ == "__main__":
    run_tasks(sqlalchemy.__version__, {**dict.fromkeys(NAMINGS, mixed), "refused": refused})
