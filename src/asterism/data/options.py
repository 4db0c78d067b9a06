"""Typed objects whose option table is the single source of everything known about an option.

    class Domain(ConfiguredObject, type="domain_alias"):
        '''Another name of a domain.'''

        domain = option(TEXT, "", "The domain that this one stands for.")

The class has a slot ``domain`` (``str`` to the type checker); the table in ``OPTIONS`` serves
parsing, validation, defaults, listings, help and the store's columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from asterism.config.errors import ConfigErrors
from asterism.config.file import Option
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ConfigError, Position
from asterism.core.nearest import suggestion
from asterism.data.kinds import Kind

if TYPE_CHECKING:
    from asterism.data.data import Data

T = TypeVar("T")

HIDDEN = "<hidden>"

NO_FIELDS: Mapping[str, str] = MappingProxyType({})
"""``fields`` of all objects that have none."""


class OptionSpec:
    """One row of an option table.

    ``name`` is the option as written, ``attribute`` the slot that holds it and ``into`` the slot it
    changes (another option's, for ``disallow``). ``no_effect`` tells why an accepted option does nothing.
    """

    __slots__ = ("attribute", "default", "help", "into", "kind", "listed", "name", "no_effect", "required", "secret")

    def __init__(
        self,
        kind: Kind[Any],
        default: Any,
        help: str,  # noqa: A002 - the table's word
        name: str = "",
        into: str = "",
        secret: bool = False,
        required: bool = False,
        listed: bool = True,
        no_effect: str = "",
    ) -> None:
        self.kind = kind
        self.default = default
        self.help = help
        self.name = name
        self.into = into
        self.attribute = ""
        self.secret = secret
        self.required = required
        self.listed = listed
        self.no_effect = no_effect

    def bind(self, attribute: str) -> None:
        """Take the name of the class attribute it was assigned to."""
        self.attribute = attribute
        self.name = self.name or attribute
        self.into = self.into or attribute

    def show(self, value: Any, show_secrets: bool = False) -> str:
        """The value as a listing prints it; a secret that is set prints ``<hidden>``."""
        text = self.kind.show(value)
        return HIDDEN if self.secret and text and not show_secrets else text

    def __repr__(self) -> str:
        return f"<option {self.name}>"


class _Derived:
    __slots__ = ("default",)

    def __init__(self, default: Any) -> None:
        self.default = default


def option(
    kind: Kind[T],
    default: T,
    help: str,  # noqa: A002 - the table's word
    *,
    name: str = "",
    secret: bool = False,
    required: bool = False,
    listed: bool = True,
    no_effect: str = "",
) -> T:
    """Declare an option; to the type checker the attribute is the kind's value.

    ``name`` is only given where it is no Python name (``100rel``); ``listed`` is off for options that
    Asterisk's listings leave out.
    """
    spec: Any = OptionSpec(kind, default, help, name, "", secret, required, listed, no_effect)
    return spec  # type: ignore[no-any-return]


def modifier(kind: Kind[Any], into: str, help: str) -> Any:  # noqa: A002 - the table's word
    """Declare an option without a value of its own: it changes the attribute ``into``, in file order."""
    return OptionSpec(kind, None, help, into=into, listed=False)


def derived(default: T) -> T:
    """Declare an attribute that is no option: computed, or filled by modifiers."""
    value: Any = _Derived(default)
    return value  # type: ignore[no-any-return]


class _TableMaker(type):
    """Turns declared options into slots and the class's option table."""

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        type: str = "",  # noqa: A002
    ) -> _TableMaker:
        specs: list[OptionSpec] = []
        defaults: dict[str, Any] = {}
        slots: list[str] = list(namespace.get("__slots__", ()))
        for attribute, value in list(namespace.items()):
            if isinstance(value, OptionSpec):
                value.bind(attribute)
                specs.append(value)
                if value.into == attribute:
                    defaults[attribute] = value.default
            elif isinstance(value, _Derived):
                defaults[attribute] = value.default
            else:
                continue
            del namespace[attribute]
        slots.extend(defaults)
        namespace["__slots__"] = tuple(slots)
        cls: Any = super().__new__(mcs, name, bases, namespace)
        cls.OPTIONS = (*getattr(cls, "OPTIONS", ()), *specs)
        cls._defaults = {**getattr(cls, "_defaults", {}), **defaults}
        cls._by_name = {spec.name.lower(): spec for spec in cls.OPTIONS}
        for reason, names in namespace.get("WITHOUT_EFFECT", {}).items():
            for option_name in names.split():
                cls._by_name[option_name].no_effect = reason
        # Two names more than there are attributes, so that attrgetter always returns a tuple.
        cls._values = staticmethod(attrgetter(*cls._defaults, "__class__", "__class__"))
        cls._initial = (*cls._defaults.values(), None, None)
        cls._assign = staticmethod(_assigner(tuple(cls._defaults)))
        if type:
            cls.TYPE = type
        made: _TableMaker = cls
        return made


def _assigner(names: tuple[str, ...]) -> Callable[[Any, tuple[Any, ...]], None]:
    """A function that sets these attributes to as many values (and ignores two more).

    One assignment made for the class sets 140 slots in the time that a loop takes for 20.
    """
    made: dict[str, Any] = {}
    targets = "".join(f"item.{name}, " for name in names)
    exec(f"def assign(item, values):\n    {targets}_, _ = values", made)
    assign: Callable[[Any, tuple[Any, ...]], None] = made["assign"]
    return assign


class InvalidOptionError(ValueError):
    """Raised by ``validate``: what is wrong with which option of an object."""

    def __init__(self, name: str, message: str, accepted: str = "") -> None:
        super().__init__(message)
        self.name = name
        self.accepted = accepted


class ConfiguredObject(metaclass=_TableMaker):
    """Base of every object of the data access layer.

    ``id`` is its name, unique per type; ``position`` where it was read, if from a file; ``fields`` its
    ``@name`` options. Objects are not changed once others see them: :meth:`replace` makes the
    changed copy that ``Data`` is given.
    """

    __slots__ = ("fields", "id", "mark", "position")

    TYPE: ClassVar[str] = ""
    LABEL: ClassVar[str] = ""
    """What messages call the type, where nobody writes its name in a file; empty: ``TYPE``."""
    OPTIONS: ClassVar[tuple[OptionSpec, ...]] = ()
    INDEXES: ClassVar[tuple[str, ...]] = ()
    """Attributes by which ``Data.find`` looks objects up."""
    SOURCES: ClassVar[tuple[str, ...]] = ()
    """Where objects come from unless ``sorcery.conf`` says otherwise, in its words (``config,pjsip.conf``)."""
    WITHOUT_EFFECT: ClassVar[Mapping[str, str]] = {}
    """Options that are accepted and do nothing (blanks between names), by the reason; setting one is logged once."""
    REALTIME: ClassVar[str] = ""
    """The usual name of its database table; types without one are not kept in databases."""
    ON_DEMAND: ClassVar[bool] = False
    """Whether a database is asked for single objects as they are needed; other types are read whole."""
    RUNTIME: ClassVar[bool] = False
    """Whether servers make these objects as they run."""
    VERSION: ClassVar[str] = ""
    """Of such a type, the integer option that changes with every change: by it another server's changes are found."""
    REFERENCES: ClassVar[Mapping[str, str]] = {}
    """Attributes that hold names of other objects, and of which type: they are retrieved together."""
    EXTENDED: ClassVar[bool] = True
    """Whether ``@name`` options are taken."""
    _defaults: ClassVar[dict[str, Any]]
    _by_name: ClassVar[dict[str, OptionSpec]]
    _values: ClassVar[Callable[[Any], tuple[Any, ...]]]
    _initial: ClassVar[tuple[Any, ...]]
    _assign: ClassVar[Callable[[Any, tuple[Any, ...]], None]]

    id: str
    position: Position | None
    fields: Mapping[str, str]
    mark: int
    """Of an object that a backend made: tells whether what it was made of has changed."""

    def __init__(self, id: str, **values: Any) -> None:  # noqa: A002 - the object's own word
        self.id = id
        self.position = None
        self.fields = NO_FIELDS
        type(self)._assign(self, self._initial)
        for name, value in values.items():
            if name not in self._defaults:
                raise TypeError(f"{type(self).__name__} has no option '{name}'")
            setattr(self, name, value)

    @classmethod
    def blank(cls, id: str) -> Self:  # noqa: A002 - the object's own word
        """An object of defaults, the quick way: :meth:`restored` is left to the caller."""
        made = cls.__new__(cls)
        made.id = id
        made.position = None
        made.fields = NO_FIELDS
        cls._assign(made, cls._initial)
        return made

    def validate(self, given: frozenset[str]) -> None:
        """Check options against each other and set what follows from them.

        ``given`` are the names of the options that were set. Raise :class:`InvalidOptionError`.
        """

    def remark(self, data: Data) -> str:
        """A remark for the operator on this object among the others, for the log and ``asterism check``; or ``""``.

        Asked once all types are loaded.
        """
        return ""

    def restored(self) -> None:
        """Compute derived attributes after the object was read back from the embedded store."""

    @classmethod
    def defaults(cls) -> Mapping[str, Any]:
        """Every attribute with its default."""
        return cls._defaults

    @classmethod
    def spec(cls, name: str) -> OptionSpec | None:
        """The table's row for an option, its name in any case."""
        return cls._by_name.get(name.lower())

    @classmethod
    def from_options(cls, id: str, options: Iterable[Option], position: Position | None = None) -> Self:  # noqa: A002
        """Make an object of a section's options (``type`` is skipped).

        Raises :class:`~asterism.config.errors.ConfigErrors` with everything that is wrong.
        """
        made = cls(id)
        made.position = position
        errors: list[ConfigError] = []
        given: dict[str, Option] = {}
        fields: dict[str, str] = {}
        for item in options:
            key = item.name.lower()
            if key == "type":
                continue
            spec = cls._by_name.get(key)
            if spec is None:
                if key.startswith("@") and cls.EXTENDED:
                    fields[item.name[1:]] = item.value
                elif not made.take_unknown(item):
                    errors.append(cls._unknown(id, item))
                continue
            given[spec.name] = item
            try:
                setattr(made, spec.into, spec.kind.parse(item.value, getattr(made, spec.into)))
            except ValueError as error:
                errors.append(cls._refused(id, item, spec, str(error)))
        if fields:
            made.fields = fields
        if not errors:
            errors.extend(made._check(given))
        if errors:
            raise ConfigErrors(errors)
        return made

    def take_unknown(self, item: Option) -> bool:
        """Take an option that the table does not have; ``False`` makes it an error."""
        return False

    def _check(self, given: Mapping[str, Option]) -> list[ConfigError]:
        label = f"{self.TYPE} '{self.id}'"
        missing = [spec.name for spec in self.OPTIONS if spec.required and spec.name not in given]
        if missing:
            return [ConfigError(f"{label}: option '{name}' must be set", self.position, name) for name in missing]
        try:
            self.validate(frozenset(given))
        except InvalidOptionError as error:
            item = given.get(error.name)
            hint = f"; accepted: {error.accepted}" if error.accepted else ""
            place = self.position if item is None else item.position
            return [ConfigError(f"{label}: option '{error.name}': {error}{hint}", place, error.name, error.accepted)]
        return []

    @classmethod
    def _unknown(cls, id: str, item: Option) -> ConfigError:  # noqa: A002
        near = suggestion(item.name, (spec.name for spec in cls.OPTIONS))
        return ConfigError(f"{cls.TYPE} '{id}': there is no option '{item.name}'{near}", item.position, item.name)

    @classmethod
    def _refused(cls, id: str, item: Option, spec: OptionSpec, reason: str) -> ConfigError:  # noqa: A002
        value = HIDDEN if spec.secret else item.value
        return ConfigError(
            f"{cls.TYPE} '{id}': option '{spec.name}' cannot be '{value}': {reason}; accepted: {spec.kind.accepted}",
            item.position,
            spec.name,
            spec.kind.accepted,
        )

    def replace(self, **values: Any) -> Self:
        """A copy with some attributes changed."""
        made = type(self).__new__(type(self))
        made.id = self.id
        made.position = self.position
        made.fields = self.fields
        cls = type(self)
        cls._assign(made, cls._values(self))
        for name, value in values.items():
            setattr(made, name, value)
        return made

    def same_options(self, other: ConfiguredObject) -> bool:
        """Whether ``other`` is of the same type and every attribute is equal (positions apart)."""
        return (
            type(self) is type(other)
            and self.id == other.id
            and self.fields == other.fields
            and all(getattr(self, name) == getattr(other, name) for name in self._defaults)
        )

    def listing(self, show_secrets: bool = False) -> list[tuple[str, str]]:
        """``(option, value)`` as the console prints them, sorted by name."""
        rows: list[tuple[str, str]] = []
        for spec in self.OPTIONS:
            if spec.listed:
                value = getattr(self, spec.attribute)
                if spec.secret:
                    rows.append((spec.name, spec.show(value, show_secrets)))
                else:
                    rows.extend(spec.kind.lines(spec.name, value))
        rows.extend(self.fields.items())
        return sorted(rows, key=lambda row: row[0])

    def manager_fields(self, show_secrets: bool = False) -> list[tuple[str, str]]:
        """``("MaxContacts", "2")``: every listed option as manager events name it, in table order."""
        return [
            (manager_name(spec.name), spec.show(getattr(self, spec.attribute), show_secrets))
            for spec in self.OPTIONS
            if spec.listed
        ]

    @classmethod
    def documentation(cls) -> Documentation:
        """The type with its options, from class docstring and table."""
        text = (cls.__doc__ or cls.TYPE).strip()
        synopsis, _, rest = text.partition("\n")
        arguments = tuple(
            Argument(spec.name, f"{spec.help} Accepted: {spec.kind.accepted}.", spec.required) for spec in cls.OPTIONS
        )
        return Documentation(synopsis, f"type={cls.TYPE}", rest.strip(), arguments)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


def manager_name(name: str) -> str:
    """``max_contacts`` as ``MaxContacts``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
