"""Every property; to add one, write a `Property` in a module here and put it into `ALL`."""

from tests.sim.properties.books import Budget, CostRows, Fences
from tests.sim.properties.calls import CallsAMinute, OneCallAtATime, OneRefresh
from tests.sim.properties.life import EverybodySynced, NoSurprise
from tests.sim.properties.property import Property
from tests.sim.properties.truth import Episodes, Library, ResumePoints

ALL: tuple[type[Property], ...] = (
    CallsAMinute,
    OneCallAtATime,
    OneRefresh,
    CostRows,
    Budget,
    Fences,
    NoSurprise,
    EverybodySynced,
    Library,
    Episodes,
    ResumePoints,
)
