"""Write the reference pages that are made from the code: ``python docs/generate.py [--check]``.

With ``--check`` nothing is written; the exit status is 1 when a page is not what the code says.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from asterism.chan_sip import notify as sip_notify
from asterism.chan_sip.objects import SipGeneral, SipPeer
from asterism.chan_sip.objects.shared import SipOptions
from asterism.chan_sip.reading import ALIASES
from asterism.chan_sip.translation.translate import GENERAL_RULES, PEER_RULES
from asterism.data import ConfiguredObject, OptionSpec
from asterism.media import udptl_settings, zones
from asterism.media.answering_machine import Rhythm
from asterism.media.soundfiles.search import SHIPPED
from asterism.pbx.calls.completion.machine import State
from asterism.pbx.calls.completion.parameters import MOST_REQUESTS
from asterism.pbx.calls.completion.table import CompletionSettings
from asterism.pbx.calls.conference import menus, profiles
from asterism.pbx.calls.conference import options as conferences
from asterism.pbx.calls.fax import settings as fax
from asterism.pbx.calls.features import settings as features
from asterism.pbx.calls.parking import settings as parking
from asterism.pbx.channels.indications import settings as indications
from asterism.pbx.dialplan.applications import amd
from asterism.pbx.dialplan.functions import enumlookup, enumrules
from asterism.pbx.records.cdr import settings as cdr
from asterism.pbx.records.cel import settings as cel
from asterism.pbx.records.writers import cdr_manager
from asterism.pbx.records.writers.cdr_csv import OPTIONS as CSV_OPTIONS
from asterism.pbx.records.writers.sql_settings import OPTIONS as SQL_OPTIONS
from asterism.pbx.records.writers.templates import MAX_ROW
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.server.discovery import configured_types
from asterism.sip.notify import content

FOLDER = Path(__file__).parent / "reference"

HEAD = """\
# Configuration reference: {title}

<!-- Made by docs/generate.py from the option tables: change those, not this page. -->

"""

FILES = {"named_acl": "acl.conf", "wizard": "pjsip_wizard.conf"}


def main() -> int:
    """Write or check the pages."""
    stale = 0
    import generate_table  # beside this file, which tests import by its path

    tables = generate_table.pages(asyncio.run(generate_table.collect()))
    for name, text in (*pages().items(), *tables.items()):
        path = FOLDER / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text() != text:
                sys.stderr.write(f"{path} is out of date: run python docs/generate.py\n")
                stale = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return stale


def pages() -> dict[str, str]:
    """Every generated page, by name."""
    types = [cls for cls in configured_types() if not cls.RUNTIME and cls not in (SipGeneral, SipPeer)]
    made = {f"{cls.TYPE}.md": _page(cls) for cls in types}
    made["ccss.md"] = _call_completion()
    made["cel.md"] = _cel()
    made["enum.md"] = _enum()
    made["features.md"] = _features()
    made["pjsip_notify.md"] = _notify()
    made["sip_notify.md"] = _sip_notify()
    made["amd.md"] = _amd()
    made["cdr.md"] = _cdr()
    made["cdr_custom.md"] = _custom("cdr", "Records of calls", "files-of-ones-own-format")
    made["cel_custom.md"] = _custom("cel", "Records of what happens to channels", "files-of-ones-own-format")
    made["cdr_manager.md"] = _cdr_manager()
    made["indications.md"] = _indications()
    made["confbridge.md"] = _conferences()
    made["res_fax.md"] = _fax()
    made["res_parking.md"] = _parking()
    made["udptl.md"] = _udptl()
    made["sip.conf.md"] = _sip_conf()
    made["prompts.md"] = _prompts()
    made["README.md"] = _index(types)
    return made


def _prompts() -> str:
    """What each shipped prompt says, from the list that they were made from."""
    lines = [
        "# The prompts that ship\n\n<!-- Made by docs/generate.py from sounds/en/prompts.txt: change that. -->\n",
        "\nIn English. Where others are put, and which one is played: [prompts](../guide/prompts.md).\n",
    ]
    for line in (SHIPPED / "en" / "prompts.txt").read_text().partition("\n\n")[2].splitlines():
        if line.startswith("# "):
            lines.append(f"\n## {line[2:]}\n\n| name | says |\n|---|---|\n")
        elif line:
            name, _, text = line.partition(": ")
            lines.append(f"| `{name}` | {text.partition(' | ')[0]} |\n")
    return "".join(lines)


def _call_completion() -> str:
    """The page of ``ccss.conf``, which is no object."""
    settings = CompletionSettings()
    rows = [
        ("enabled", "yes" if settings.enabled else "no", "yes, no", "Offer it; `no` leaves requests alone."),
        (
            "cc_max_requests", str(settings.cc_max_requests), f"a whole number, 0 to {MOST_REQUESTS}",
            "Requests that there may be at a time, of all callers.",
        ),
        *(
            (f"cc_{state.value}_devstate", settings.states[state].name, "a device state", _LAMPS[state])
            for state in State
        ),
    ]  # fmt: skip
    states = ", ".join(f"`{name}`" for name in DeviceState.__members__)
    return "".join(
        (
            HEAD.format(title="ccss.conf"),
            "Call completion: how much of it, and what lamps of `ccss:PJSIP/101` show while 101 has a request.\n",
            "The file has one section, `[general]`. Who may ask for it is said by the options `cc_...` of an\n",
            "[endpoint](endpoint.md). [Guide](../guide/call-completion.md), [sample](../../samples/ccss.conf).\n",
            "`module reload ccss` reads it again. A line that is wrong is named in the log, and by\n",
            "`asterism check`, and leaves the default.\n",
            "\n| option | default | accepted | meaning |\n|---|---|---|---|\n",
            *(_line(*row) for row in rows),
            f"\nDevice states: {states}.\n",
        )
    )


_LAMPS = {
    State.AVAILABLE: "The call failed, and the caller has not hung up yet.",
    State.OFFERED: "The caller may ask, until `cc_offer_timer` of the endpoint is over.",
    State.REQUESTED: "The caller has asked; nobody has acknowledged it yet.",
    State.ACTIVE: "Who was called is watched.",
    State.CALLEE_READY: "Who was called is free; the server sees whether the caller is, too.",
    State.CALLER_BUSY: "The caller is not free: it is waited for.",
    State.RECALLING: "The caller is called back, and calls again.",
    State.COMPLETE: "It is over, or there is no request.",
    State.FAILED: "It came to nothing.",
}


def _notify() -> str:
    """The page of ``pjsip_notify.conf``, which is no object."""
    rows = (
        ("Content", "A line of the body; it may be repeated, and an empty one is an empty line."),
        ("Content-Type", "The type of the body; without it there is none."),
        ("Subscription-State", "`terminated` unless it is given."),
        (", ".join(sorted(content.RESERVED)), "The request's own: passed over, with a warning."),
        ("any other", "A header as it stands; it may be repeated."),
    )
    return "".join(
        (
            HEAD.format(title=content.FILE),
            "NOTIFYs that are sent by hand. Each section is one, by its name; each line `name => value` is a\n",
            "header of it.",
            " [Guide](../guide/subscriptions.md#notifys-by-hand), [sample](../../samples/pjsip_notify.conf).\n",
            "`module reload res_pjsip_notify` reads the file again.\n",
            "\n| name | meaning |\n|---|---|\n",
            *(f"| {name} | {meaning} |\n" for name, meaning in rows),
            f"\nThere are at most {content.MAX_LINES} lines and {content.MAX_SIZE} characters in a section.\n",
            "A semicolon in a value is written `\\;`. A section that is wrong is named in the log, and by\n",
            "`asterism check`, and cannot be sent; the others can.\n",
        )
    )


def _sip_notify() -> str:
    """The page of ``sip_notify.conf``, which is no object."""
    rows = (
        ("Content", "A line of the body; it may be repeated, and an empty one is an empty line."),
        ("Subscription-State", "`terminated` unless it is given."),
        (", ".join(sorted(content.RESERVED)), "The request's own: passed over, with a warning."),
        ("any other", "A header as it stands, `Content-Type` too; it may be repeated."),
    )
    return "".join(
        (
            HEAD.format(title=sip_notify.FILE),
            "NOTIFYs that are sent by hand to peers of `sip.conf`, by `sip notify`. Each section is one, by its\n",
            "name; each line `name => value` is a header of it.",
            " [Guide](../guide/subscriptions.md#peers-of-sipconf), [sample](../../samples/sip_notify.conf).\n",
            f"`module reload {sip_notify.ChanSipNotify.name}` reads the file again.\n",
            "\n| name | meaning |\n|---|---|\n",
            *(f"| {name} | {meaning} |\n" for name, meaning in rows),
            f"\nThere are at most {content.MAX_LINES} lines and {content.MAX_SIZE} characters in a section.\n",
            "A semicolon in a value is written `\\;`. A section that is wrong is named in the log, and by\n",
            "`asterism check`, and cannot be sent; the others can.\n",
        )
    )


def _features() -> str:
    """The page of ``features.conf``, which is no object."""

    def rows(options: Mapping[str, features.Spec]) -> list[str]:
        return [_line(name, spec.default, features.ACCEPTED[spec.kind], spec.help) for name, spec in options.items()]

    table = "\n| option | default | accepted | meaning |\n|---|---|---|---|\n"
    return "".join(
        (
            HEAD.format(title=features.FILE),
            "What the parties of a call start by dialling codes. [Guide](../guide/transfers.md#by-keys),\n",
            "[sample](../../samples/features.conf). `module reload features` reads the file again: for calls that\n",
            "begin to be bridged from then on. A line that is wrong is named in the log, and by `asterism check`,\n",
            "and leaves the default. `FEATURE(option)` and `FEATUREMAP(option)` set an option for one channel.\n",
            "\n## `[general]`\n",
            table,
            *rows(features.GENERAL),
            "\n## `[featuremap]`\n",
            table,
            *rows(features.FEATUREMAP),
            "\n## `[applicationmap]`\n\n",
            "`name = code,self or peer[/caller, callee or both],application[,arguments][,class of music]`\n\n",
            "The application runs on the party that has dialled the code, or on the others; `caller` and `callee`\n",
            "say which party may dial it. Arguments with commas are in quotes, or in parentheses behind the name.\n",
            "`Gosub` runs a subroutine and comes back. With a class of music, who waits hears that. The channel has\n",
            "the variables DYNAMIC_FEATURENAME and DYNAMIC_WHO_ACTIVATED. A channel has the keys that its variable\n",
            "DYNAMIC_FEATURES names, joined by `#`.\n",
            "\n## Groups\n\n",
            "Any other section is a group: `name = code` for applications of `[applicationmap]`; without a code it\n",
            "is the application's own. DYNAMIC_FEATURES may name groups.\n",
            f"\nThere are at most {features.MOST} applications, and as many groups.\n",
        )
    )


def _cdr() -> str:
    """The page of ``cdr.conf``, which is no object."""
    rows = [
        _line(name, spec.default, "yes, no" if spec.most is None else f"a whole number, 1 to {spec.most}", spec.help)
        for name, spec in cdr.OPTIONS.items()
    ]
    return "".join(
        (
            HEAD.format(title=cdr.FILE),
            "Records of calls. [Guide](../guide/call-records.md), [sample](../../samples/cdr.conf).\n",
            "`module reload cdr` reads the file again, for calls that are up as well. A line that is wrong is named\n",
            "in the log, and by `asterism check`, and leaves the default.\n",
            "\n| option of `[general]` | default | accepted | meaning |\n|---|---|---|---|\n",
            *rows,
            "\nWith a section `[csv]`, records are written to `cdr-csv/Master.csv` below the log folder. Its options\n",
            "are read again by `module reload cdr_csv`, or `module reload`.\n",
            "\n| option of `[csv]` | default | accepted | meaning |\n|---|---|---|---|\n",
            *(_line(name, default, "yes, no", text) for name, (default, text) in CSV_OPTIONS.items()),
            *_sql("cdr"),
        )
    )


def _sql(of: str) -> list[str]:
    """The section ``[sql]`` of a file."""
    return [
        "\nWith a section `[sql]`, records are written to a table. Each of its columns gets the field of its name;\n",
        "others are left to their default. `asterism db upgrade DIR` makes the table, and adds what it lacks.\n",
        f"The options are read again by `module reload {of}_sqlalchemy`, or `module reload`.\n",
        "\n| option of `[sql]` | default | accepted | meaning |\n|---|---|---|---|\n",
        *(_line(name, *option) for name, option in SQL_OPTIONS.items()),
    ]


def _custom(of: str, what: str, anchor: str) -> str:
    """The page of ``cdr_custom.conf`` or ``cel_custom.conf``."""
    meaning = (
        f"Of each record a row is made as of a line of the dialplan, for a file below `{of}-custom` in the log folder."
    )
    return "".join(
        (
            HEAD.format(title=f"{of}_custom.conf"),
            f"{what} in files of one's own format. [Guide](../guide/call-records.md#{anchor}),\n",
            f"[sample](../../samples/{of}_custom.conf). `module reload {of}_custom` reads the file again.\n",
            "\n| line of `[mappings]` | meaning |\n|---|---|\n",
            f"| `FILE => TEXT` | {_cell(meaning)} |\n",
            "\nThe name may have folders; it cannot lead elsewhere, nor begin with a dot. Several lines may name\n",
            "one file.\n",
            f"A row has at most {MAX_ROW} characters; line ends in it are written as blanks.\n",
        )
    )


def _cdr_manager() -> str:
    """The page of ``cdr_manager.conf``."""
    return "".join(
        (
            HEAD.format(title=cdr_manager.FILE),
            "Records of calls for the manager. [Guide](../guide/call-records.md#the-manager),\n",
            "[sample](../../samples/cdr_manager.conf). `module reload cdr_manager` reads the file again.\n",
            "\n| option of `[general]` | default | accepted | meaning |\n|---|---|---|---|\n",
            "| `enabled` | `no` | yes, no | Whether each record is an event `Cdr`. |\n",
            "\n| line of `[mappings]` | meaning |\n|---|---|\n",
            "| `FIELD => NAME` | The event has this field too, or variable set by `CDR(FIELD)`, and calls it so. |\n",
        )
    )


def _cel() -> str:
    """The page of ``cel.conf``, which is no object."""
    lines = [
        HEAD.format(title=cel.FILE),
        "What happens to channels, one record each. [Guide](../guide/call-records.md#what-happened-to-a-channel),\n",
        "[sample](../../samples/cel.conf). `module reload cel` reads the file again, for what happens from then on.\n",
        "A line that is wrong is named in the log, and by `asterism check`, and left out.\n",
    ]
    for section, options in cel.OPTIONS.items():
        lines.append(f"\n## `[{section}]`\n\n| option | default | accepted | meaning |\n|---|---|---|---|\n")
        lines += [_line(name, *option) for name, option in options.items()]
    lines.append(f"\nAt most {cel.MOST_APPLICATIONS} applications can be named.\n")
    lines.append("\n## Events\n\n| event | what has happened |\n|---|---|\n")
    lines += [f"| `{name}` | {_cell(text)} |\n" for name, text in cel.EVENTS.items()]
    return "".join([*lines, *_sql("cel")])


def _amd() -> str:
    """The page of ``amd.conf``, which is no object."""
    rhythm = Rhythm()
    rows = [
        _line(name, str(getattr(rhythm, field)), f"0 to {amd.MOST}", text)
        for name, (field, text) in amd.OPTIONS.items()
    ]
    return "".join(
        (
            HEAD.format(title=amd.FILE),
            "What `AMD()` tells a human from an answering machine by. [Sample](../../samples/amd.conf).\n",
            "`module reload app_amd` reads the file again, for calls that are answered from then on. A line that is\n",
            "wrong is named in the log, and by `asterism check`, and leaves the default. The arguments of `AMD()`\n",
            "are the same values in this order.\n",
            "\n| option of `[general]` | default | accepted | meaning |\n|---|---|---|---|\n",
            *rows,
            f"| `{amd.SOUND}` |  | the name of a sound without ending; empty: none | Played meanwhile. |\n",
        )
    )


def _indications() -> str:
    """The page of ``indications.conf``, which is no object."""
    rows = [
        f"| `{zone.name}` | {_cell(zone.description)} | `{zone.tones['ring']}` | `{zone.tones['busy']}` |\n"
        for zone in zones.ZONES.values()
    ]
    return "".join(
        (
            HEAD.format(title=indications.FILE),
            "The tones of countries. [Sample](../../samples/indications.conf), which has all of them.\n",
            "`module reload indications` reads the file again, for tones that begin from then on;\n",
            "`indication show` lists what is in force. A line that is wrong is named in the log, and by\n",
            "`asterism check`, and left out.\n",
            "\n| option of `[general]` | default | accepted | meaning |\n|---|---|---|---|\n",
            f"| `country` | `{zones.DEFAULT}` | the name of a zone | The zone of channels that have none: neither by ",
            "`tone_zone` of their endpoint nor by `CHANNEL(tonezone)`. |\n",
            "\nAny other section is a zone. It replaces the built-in one of its name, or adds one.\n",
            "\n| option of a zone | accepted | meaning |\n|---|---|---|\n",
            "| `description` | any text | The country. |\n",
            "| `ringcadence` | `on,off,...` in milliseconds | How a bell rings. |\n",
            "| any other | a tone | A tone of this name, for `PlayTones`, `Read`, `ReadExten` and `WaitExten`. ",
            "The server itself plays `ring`, `busy` and `congestion`. |\n",
            "\nA tone is a list of parts joined by commas: `frequency[+frequency][*frequency][/milliseconds]`.\n",
            "`+` is both at a time, `*` modulates, 0 is silence, `M69` a note of MIDI. Without milliseconds a part\n",
            "lasts for ever. The list is repeated, but for parts that begin with `!`.\n",
            "\n## Zones\n\n| zone | country | ring | busy |\n|---|---|---|---|\n",
            *rows,
            f"\nThere are at most {indications.MAX_ZONES} zones, and {indications.MAX_TONES} tones in each.\n",
        )
    )


def _enum() -> str:
    """The page of ``enum.conf``, which is no object."""
    zones_text = "Domains to look below, in this order, where the function names none."
    branch_text = "The label below a country code that the option `i` looks in."
    return "".join(
        (
            HEAD.format(title=enumlookup.FILE),
            "Where `ENUMLOOKUP` and `ENUMQUERY` look for numbers in the DNS (RFC 6116).\n",
            "[Guide](../guide/dialplan.md#elsewhere), [sample](../../samples/enum.conf).\n",
            f"`module reload {enumlookup.EnumFunctions.name}` reads the file again. A line that is wrong is named in\n",
            "the log and passed over.\n",
            "\n| option of `[general]` | default | accepted | meaning |\n|---|---|---|---|\n",
            f"| `search` | `{enumrules.ZONE}` | a domain; at most {enumlookup.MOST_ZONES} lines | {zones_text} |\n",
            f"| `ienum_branchlabel` | `{enumrules.BRANCH}` | letters and digits | {branch_text} |\n",
        )
    )


def _conferences() -> str:
    """The page of ``confbridge.conf``, which is no object."""
    table = "\n| option | default | accepted | meaning |\n|---|---|---|---|\n"
    template = f"| `{profiles.TEMPLATE}` |  | a name | What that {{}} says counts where this one says nothing. |\n"
    options = {name: spec for name, spec in conferences.BRIDGE_OPTIONS.items() if name not in conferences.SOUNDS}
    return "".join(
        (
            HEAD.format(title=profiles.FILE),
            "Conferences. Each section is a profile, of the type that `type` says; one name may be a profile of each\n",
            f"type. `{profiles.DEFAULT_USER}`, `{profiles.DEFAULT_BRIDGE}` and\n",
            f"`{profiles.DEFAULT_MENU}` are always there.\n",
            "[Guide](../guide/conferences.md), [sample](../../samples/confbridge.conf).\n",
            "`module reload app_confbridge` reads the file again: for users and conferences that begin from then on.\n",
            "A line that is wrong is named in the log, and by `asterism check`, and leaves the default.\n",
            "`CONFBRIDGE(type,option)` sets an option for one channel.\n",
            "\n## `type = user`\n",
            table,
            *(
                _row(spec, spec.no_effect and f"No effect. {spec.no_effect}")
                for spec in conferences.USER_OPTIONS.values()
            ),
            template.format("profile"),
            "\n## `type = bridge`\n",
            table,
            *(_row(spec, spec.no_effect and f"No effect. {spec.no_effect}") for spec in options.values()),
            template.format("profile"),
            "\n| sound | default | heard |\n|---|---|---|\n",
            *(f"| `{name}` | `{sound}` | {_cell(text)} |\n" for name, (sound, text) in conferences.SOUNDS.items()),
            "\n## `type = menu`\n\n",
            f"`digits = action,action`: up to {menus.LONGEST_SEQUENCE} of `{menus.DIGITS}`. A digit that may make a\n",
            "longer entry is waited for as `featuredigittimeout` of [features.conf](features.md) says. No line may\n",
            "begin with `#`: `Set(CONFBRIDGE(menu,#1)=toggle_mute)` sets such an entry.\n",
            "\n| action | what it does |\n|---|---|\n",
            *(f"| `{name}` | {_cell(text)} |\n" for name, text in menus.ACTIONS.items()),
            f"\nThere are at most {profiles.MOST} profiles of each type, {menus.MOST_ENTRIES} entries of a menu and\n",
            f"{menus.MOST_ACTIONS} actions of an entry.\n",
        )
    )


def _fax() -> str:
    """The page of ``res_fax.conf``, which is no object."""
    return "".join(
        (
            HEAD.format(title=fax.FILE),
            "How faxes are sent and received, unless `FAXOPT()` says otherwise for a channel.\n",
            "[Guide](../guide/fax.md), [sample](../../samples/res_fax.conf). `module reload res_fax` reads the file\n",
            "again, for faxes that begin from then on. A line that is wrong is named in the log, and by\n",
            "`asterism check`, and leaves the default.\n",
            "\n| option of `[general]` | default | accepted | meaning |\n|---|---|---|---|\n",
            *(_row(spec) for spec in fax.OPTIONS.values()),
        )
    )


def _udptl() -> str:
    """The page of ``udptl.conf``, which is no object."""
    return "".join(
        (
            HEAD.format(title=udptl_settings.FILE),
            "Ports and error correction of fax by T.38.\n",
            "[Guide](../guide/fax.md#t38), [sample](../../samples/udptl.conf). `module reload udptl` reads the file\n",
            "again, for faxes that begin from then on.\n",
            "\n| option of `[general]` | default | accepted | meaning |\n|---|---|---|---|\n",
            *(_line(name, *told) for name, told in udptl_settings.OPTIONS.items()),
        )
    )


def _parking() -> str:
    """The page of ``res_parking.conf``, which is no object."""
    dynamic = (
        "Make a lot for a channel that names one that is not in the file. It is like the lot that the channel's "
        "variable PARKINGDYNAMIC names, or `default`; PARKINGDYNCONTEXT, PARKINGDYNEXTEN and PARKINGDYNPOS replace "
        "`context`, `parkext` and `parkpos`. It is forgotten when the file is read again and nobody is parked there."
    )
    return "".join(
        (
            HEAD.format(title=parking.FILE),
            "Parking lots. Each section but `[general]` is one; there is always one called `default`.\n",
            "[Guide](../guide/parking.md), [sample](../../samples/res_parking.conf).\n",
            "`module reload res_parking` reads the file again, and what is parked stays. A line that is wrong is\n",
            "named in the log, and by `asterism check`, and leaves the default. A lot whose extensions are another\n",
            "lot's is left out.\n",
            "\n| option of a lot | default | accepted | meaning |\n|---|---|---|---|\n",
            *(_row(spec) for spec in parking.OPTIONS.values()),
            "\n*caller* is who retrieves a call, *callee* who was parked.\n",
            "\n| option of `[general]` | default | accepted | meaning |\n|---|---|---|---|\n",
            f"| `{parking.DYNAMIC}` | `no` | yes, no | {dynamic} |\n",
            f"\nThere are at most {parking.MOST_LOTS} lots.\n",
        )
    )


def _sip_conf() -> str:
    """The page of ``sip.conf``: its options, and what they become."""
    table = "\n| option | default | accepted | meaning | becomes |\n|---|---|---|---|---|\n"

    def rows(specs: Sequence[OptionSpec], *, silent: bool) -> list[str]:
        return [_sip_row(spec) for spec in specs if bool(spec.no_effect) is silent]

    shared = SipOptions.OPTIONS
    general = [spec for spec in SipGeneral.OPTIONS if spec not in shared]
    peer = [spec for spec in SipPeer.OPTIONS if spec not in shared]
    return "".join(
        (
            HEAD.format(title="sip.conf"),
            "The configuration of `chan_sip`. A section with `type = user`, `peer` or `friend` is a phone or a\n",
            "trunk; it begins with the values of `[general]`. It becomes objects of `pjsip.conf`, as the column\n",
            "*becomes* says. Both files may be there; a name that both have is that of `pjsip.conf`. A wrong\n",
            "value leaves the default; that, unknown options, and options without an effect are told with file and\n",
            "line, in the log and by `asterism check`. `sip reload` reads the file again.\n",
            "\n## `[general]` and peers\n",
            table,
            *rows(shared, silent=False),
            "\n## Peers\n",
            table,
            *rows(peer, silent=False),
            "\n## `[general]`\n",
            table,
            *rows(general, silent=False),
            "\n## Accepted, without effect\n\n| option | default | accepted | why it does nothing | becomes |\n",
            "|---|---|---|---|---|\n",
            *rows((*shared, *peer, *general), silent=True),
            "\n## Other names\n\n| name | option |\n|---|---|\n",
            *(f"| `{name}` | `{option}` |\n" for name, option in sorted(ALIASES.items())),
        )
    )


def _sip_row(spec: OptionSpec) -> str:
    rule = PEER_RULES.get(spec.name)
    if rule is None or not (rule.targets or rule.here):
        rule = GENERAL_RULES.get(spec.name)
    becomes = ", ".join(f"`{target}`" for target in rule.targets) if rule is not None else ""
    if rule is not None and rule.here:
        becomes = f"{becomes}; {rule.here}" if becomes else rule.here
    return f"{_row(spec, spec.no_effect).rstrip()} {_cell(becomes)} |\n"


def _index(types: list[type[ConfiguredObject]]) -> str:
    lines = [
        HEAD.format(title="objects"),
        "One section of a file is one object; its `type` says what it is. `asterism check DIR` tells what is wrong\n",
        "with a configuration, with file and line. Objects can be in databases as well: see\n",
        "[realtime](../realtime.md).\n\n",
        "| type | file | table | what it is |\n|---|---|---|---|\n",
    ]
    for cls in types:
        table = f"`{cls.REALTIME}`" if cls.REALTIME else ""
        lines.append(
            f"| [{cls.TYPE}]({cls.TYPE}.md) | {FILES.get(cls.TYPE, 'pjsip.conf')} | {table} | {_synopsis(cls)} |\n"
        )
    lines += [
        "\nFiles that hold no objects:\n\n| file | what it is |\n|---|---|\n",
        "| [ccss.conf](ccss.md) | Call completion. |\n",
        f"| [{cdr.FILE}](cdr.md) | Records of calls. |\n",
        "| [cdr_custom.conf](cdr_custom.md) | Records of calls in files of one's own format. |\n",
        f"| [{cdr_manager.FILE}](cdr_manager.md) | Records of calls for the manager. |\n",
        f"| [{profiles.FILE}](confbridge.md) | Conferences: users, rooms, menus. |\n",
        f"| [{enumlookup.FILE}](enum.md) | Numbers in the DNS. |\n",
        f"| [{features.FILE}](features.md) | Features on keys: codes that are dialled during a call. |\n",
        f"| [{amd.FILE}](amd.md) | Answering machine detection. |\n",
        f"| [{cel.FILE}](cel.md) | Records of what happens to channels. |\n",
        "| [cel_custom.conf](cel_custom.md) | Records of what happens to channels in files of one's own format. |\n",
        f"| [{indications.FILE}](indications.md) | The tones of countries. |\n",
        f"| [{content.FILE}](pjsip_notify.md) | NOTIFYs that are sent by hand. |\n",
        f"| [{fax.FILE}](res_fax.md) | Faxes. |\n",
        f"| [{parking.FILE}](res_parking.md) | Parking lots. |\n",
        f"| [{udptl_settings.FILE}](udptl.md) | Ports and error correction of fax by T.38. |\n",
        f"| [{sip_notify.FILE}](sip_notify.md) | NOTIFYs that are sent by hand to peers of `sip.conf`. |\n",
        "\nThe old configuration of SIP, which is translated into such objects: [sip.conf](sip.conf.md).\n",
    ]
    lines.append(
        "\nWhat there is for the dialplan, what is left out, and why: [applications](applications.md), "
        "[functions](functions.md). What the prompts say that come with the server: [prompts](prompts.md).\n"
    )
    return "".join(lines)


def _page(cls: type[ConfiguredObject]) -> str:
    text = (cls.__doc__ or "").strip()
    _, _, rest = text.partition("\n")
    lines = [HEAD.format(title=cls.TYPE), _synopsis(cls), "\n"]
    if rest.strip():
        lines += ["\n", "\n".join(line.strip() for line in rest.strip().splitlines()).replace("``", "`"), "\n"]
    lines.append("\n| option | default | accepted | meaning |\n|---|---|---|---|\n")
    lines += [_row(spec) for spec in cls.OPTIONS if not spec.no_effect]
    silent = [spec for spec in cls.OPTIONS if spec.no_effect]
    if silent:
        lines.append("\n## Accepted, without effect\n\n")
        lines.append("These are checked like all others, and named once in the log when they are set.\n\n")
        lines.append("| option | default | accepted | why it does nothing |\n|---|---|---|---|\n")
        lines += [_row(spec, spec.no_effect) for spec in silent]
    return "".join(lines)


def _synopsis(cls: type[ConfiguredObject]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0].replace("``", "`")


def _row(spec: OptionSpec, meaning: str = "") -> str:
    cells = [f"`{spec.name}`", *map(_cell, (_default(spec), spec.kind.accepted, meaning or spec.help))]
    if spec.required:
        cells[1] = "required"
    return f"| {' | '.join(cells)} |\n"


def _line(name: str, default: str, accepted: str, meaning: str) -> str:
    """A row of a table of options."""
    return f"| `{name}` | {f'`{default}`' if default else ''} | {_cell(accepted)} | {_cell(meaning)} |\n"


def _default(spec: OptionSpec) -> str:
    if spec.default is None:
        return ""
    value = spec.kind.format(spec.default)
    return f"`{value}`" if value else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
