import asyncio
from pathlib import Path

from dialplan_world import World

from asterism.data import AstDb
from asterism.data.store import Store
from asterism.pbx.dialplan.functions.database import DatabaseFunctions


def test_the_database_in_the_dialplan(tmp_path: Path) -> None:
    async def play() -> None:
        world = World()
        store = Store(tmp_path / "store.sqlite3", log=world.log)
        world.server.astdb = AstDb(store)
        DatabaseFunctions().load(world.server)
        world.say(
            "[default]\nexten => 100,1,Set(DB(cf/100)=6001)\n same => n,Set(DB(cf/200)=x)\n"
            " same => n,NoOp(${DB(cf/100)} ${DB_EXISTS(cf/100)} ${DB_EXISTS(cf/1)} ${DB_KEYS(cf)} ${DB_KEYCOUNT(cf)})\n"
            " same => n,NoOp(${DB_DELETE(cf/100)} [${DB(cf/100)}] [${DB(nokey)}])\n same => n,DBdeltree(cf)\n"
            " same => n,NoOp(${DB_KEYCOUNT(cf)})\n"
        )
        await world.call()
        assert [step for step in world.steps() if step.startswith("NoOp")] == [
            "NoOp(6001 1 0 100,200 2)",
            "NoOp(6001 [] [])",
            "NoOp(0)",
        ]
        await asyncio.sleep(0)
        store.close()

    asyncio.run(play())
