"""Every property; to add one, write a `Property` in a module here and put it into `ALL`."""

from tests.sim.properties.books import Budget, CostRows, Fences, QuotaCount
from tests.sim.properties.calls import CallsAMinute, OneCallAtATime, OneRefresh
from tests.sim.properties.grants import Disconnected, ParkedForCause
from tests.sim.properties.life import EverybodySynced, NoSurprise
from tests.sim.properties.links import Library, Removals, SavedEpisodes
from tests.sim.properties.property import Property
from tests.sim.properties.runs import ClaimsKept, OneWriter, Reports
from tests.sim.properties.truth import Episodes, ResumePoints

ALL: tuple[type[Property], ...] = (
    CallsAMinute,
    OneCallAtATime,
    OneRefresh,
    CostRows,
    Budget,
    QuotaCount,
    Fences,
    ClaimsKept,
    OneWriter,
    Reports,
    ParkedForCause,
    Disconnected,
    NoSurprise,
    EverybodySynced,
    Library,
    SavedEpisodes,
    Removals,
    Episodes,
    ResumePoints,
)
