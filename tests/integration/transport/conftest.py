import asyncio

import pytest
import uvloop
from transports_kit import make_certificates


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Run a coroutine function on each kind of loop."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def runner(coroutine_function):
        with asyncio.Runner(loop_factory=factory) as loop_runner:
            return loop_runner.run(asyncio.wait_for(coroutine_function(), 30))

    return runner


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Paths of a certificate for localhost and its key, as options of a transport."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))
