"""``system``: what the SIP stack is started with; a change needs a restart."""

from __future__ import annotations

from asterism.data.kinds import BOOL, MILLISECONDS, SECONDS, UINT
from asterism.data.options import ConfiguredObject, option


class SystemSettings(ConfiguredObject, type="system"):
    """The one section ``[system]`` of ``pjsip.conf``; without it, the defaults."""

    REALTIME = "ps_systems"
    WITHOUT_EFFECT = {  # noqa: RUF012
        "threads for blocking work are started as they are needed, and kept": (
            "taskpool_minimum_size taskpool_initial_size taskpool_auto_increment taskpool_idle_timeout "
            "threadpool_initial_size threadpool_auto_increment threadpool_idle_timeout"
        ),
    }

    timer_t1 = option(MILLISECONDS, 500, "RFC 3261's T1, the estimate of a round trip.")
    timer_b = option(MILLISECONDS, 32000, "How long an INVITE waits for its first response.")
    compact_headers = option(BOOL, False, "Write short header names.")
    disable_tcp_switch = option(BOOL, True, "Send large requests by UDP too.")
    disable_rport = option(BOOL, False, "Ask for no rport.")
    follow_early_media_fork = option(BOOL, True, "Let endpoints use the option of this name.")
    accept_multiple_sdp_answers = option(BOOL, False, "Let endpoints use the option of this name.")
    taskpool_minimum_size = option(UINT, 4, "Fewest threads for blocking work.")
    taskpool_initial_size = option(UINT, 4, "Threads for blocking work at start.")
    taskpool_auto_increment = option(UINT, 1, "Threads added at a time.")
    taskpool_idle_timeout = option(SECONDS, 60, "Time after which an idle thread ends.")
    taskpool_max_size = option(UINT, 50, "Most threads for blocking work; 0: no limit.")
    threadpool_initial_size = option(UINT, 4, "Another name of taskpool_initial_size.")
    threadpool_auto_increment = option(UINT, 1, "Older name of taskpool_auto_increment.")
    threadpool_idle_timeout = option(SECONDS, 60, "Older name of taskpool_idle_timeout.")
    threadpool_max_size = option(UINT, 50, "Older name of taskpool_max_size.")

    def validate(self, given: frozenset[str]) -> None:
        """An older name counts where the newer one is not set."""
        for part in ("initial_size", "auto_increment", "idle_timeout", "max_size"):
            if f"threadpool_{part}" in given and f"taskpool_{part}" not in given:
                setattr(self, f"taskpool_{part}", getattr(self, f"threadpool_{part}"))
