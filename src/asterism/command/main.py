"""Entry point of ``asterism``: reads the flags and hands over, importing only what the mode needs.

``asterism -rx`` is run by scripts many times a second, so it must not pay for the server's imports.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from asterism.version import __version__

USAGE = """\
Usage: asterism [flags]                 run the server
       asterism -r [-x COMMAND]         console of the running server, or one command of it
       asterism demo [--help]           run the server on a demo configuration made in ./demo
       asterism init DIR                write a commented starter configuration
       asterism check [DIR]             print everything of a configuration (/etc/asterisk) that will not work
       asterism migrate DIR [--out OUT] write a configuration for chan_pjsip from one for chan_sip (sip.conf)
       asterism db show|upgrade [DIR]   compare, make and extend the tables of realtime databases

The server:
  -f            stay in the foreground (the default leaves a daemon behind)
  -c            stay in the foreground, with the interactive console; leaving it stops the server
  -C FILE       read FILE in place of /etc/asterisk/asterisk.conf
  -F            always fork, even with -c or -f
  -v / -d       more verbose / more debug messages; repeat for more
  -q            quiet: nothing on the terminal that is not asked for
  -n            no colours
  -m            mute the console's log
  -g            dump core if killed
  -p            raise the scheduling priority (as far as the system allows)
  -T            put the time before each console line
  -X            allow #exec in configuration files
  -G GROUP      run as this group
  -U USER       run as this user
  -L LOAD       refuse new calls while the load average is above this
  -M CALLS      refuse new calls while there are this many
  -e MIB        refuse new calls while less than this much memory is free
  -t            accepted, no effect: sounds are always recorded in place
  -i            accepted, no effect: keys with a passphrase are not supported
  -I            accepted, no effect: the server always times calls itself

The console:
  -r            connect to the running server; comes back after the server restarts
  -R            the same, and connects again however the server went
  -s SOCKET     connect to this socket
  -x COMMAND    run one command and exit
  -W            colours for a light background
                (-T, -m, -n and -v as above; without a terminal, the lines of the input are run)

  -V            print the version
  -h            print this help
"""

# Flags that take a value; all others are switches. Both may be written in one word: -vvvgc, -rx CMD.
_WITH_VALUE = frozenset("CGULMesx")
_SWITCHES = frozenset("fcFvdqnmgptTiIWXrRVhB")


@dataclass(slots=True)
class Arguments:
    """The command line: how often each switch was given, and the values of the others."""

    switches: dict[str, int] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def __contains__(self, flag: str) -> bool:
        return flag in self.switches or flag in self.values


def parse(words: Sequence[str]) -> Arguments:
    """Read flags as Asterisk does: clustered, the value in the same word or in the next.

    Raises:
        ValueError: An unknown flag, a missing value, or a word that is no flag.
    """
    arguments = Arguments()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("--help", "--version"):
            word = {"--help": "-h", "--version": "-V"}[word]
        if len(word) < 2 or not word.startswith("-"):
            raise ValueError(f"'{word}' is not a flag")
        letters = word[1:]
        for index, letter in enumerate(letters):
            if letter in _WITH_VALUE:
                value = letters[index + 1 :]
                if not value:
                    if not rest:
                        raise ValueError(f"-{letter} needs a value")
                    value = rest.pop(0)
                arguments.values[letter] = value
                break
            if letter not in _SWITCHES:
                raise ValueError(f"-{letter} is not a flag of asterism")
            arguments.switches[letter] = arguments.switches.get(letter, 0) + 1
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["demo"]:
        from asterism.command.demo.main import run_demo

        return run_demo(words[1:])
    if words[:1] == ["check"]:
        from asterism.command.check import run_check

        return run_check(words[1:])
    if words[:1] == ["migrate"]:
        from asterism.command.migrate import run_migrate

        return run_migrate(words[1:])
    if words[:1] == ["init"]:
        from asterism.command.init import run_init

        return run_init(words[1:])
    if words[:1] == ["db"]:
        from asterism.command.database import run_database

        return run_database(words[1:])
    try:
        arguments = parse(words)
    except ValueError as error:
        print(f"asterism: {error}\nTry 'asterism -h'.", file=sys.stderr)
        return 2
    if "h" in arguments:
        print(USAGE, end="")
        return 0
    if "V" in arguments:
        print(f"Asterism {__version__}")
        return 0
    if "r" in arguments or "R" in arguments or "x" in arguments:
        from asterism.command.remote import run_remote

        return run_remote(arguments)
    from asterism.command.run import run_server

    return run_server(arguments)


if __name__ == "__main__":
    sys.exit(main())
