"""`python -m tests.sim --seed N`: run one seed, or the plan in a file, and tell how it went."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from tests.sim.plan import Plan, draw
from tests.sim.report import report, save, shrunk
from tests.sim.running import Outcome, run


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Which run.")
@click.option("--days", type=float, default=2.0, show_default=True, help="Virtual days.")
@click.option("--users", type=int, default=3, show_default=True, help="People.")
@click.option("--shows", type=int, help="Shows in a library; drawn from the seed by default.")
@click.option("--plan", "file", type=click.Path(exists=True, path_type=Path), help="A plan's file.")
@click.option("--calm", is_flag=True, help="Leave all faults out.")
@click.option("--save", "keep", is_flag=True, help="Keep the small plan as a regression.")
@click.option("--events", is_flag=True, help="Print everything that happened.")
def main(
    *,
    seed: int,
    days: float,
    users: int,
    shows: int | None,
    file: Path | None,
    calm: bool,
    keep: bool,
    events: bool,
) -> None:
    """Run the whole product on virtual time under the faults of a seed."""
    plan = draw(seed, days=days, users=users, shows=shows)
    if file is not None:
        plan = Plan.from_json(file.read_text(encoding="utf-8"))
    if calm:
        plan = replace(plan, faults=())
    outcome = run(plan)
    if events:
        print("\n".join(outcome.lines))
    print(summary(outcome))
    if outcome.broken is None:
        return
    small, runs = shrunk(outcome)
    print(report(outcome, small, runs=runs, file=file))
    if keep:
        print(f"kept: {save(small)}")
    sys.exit(1)


def summary(outcome: Outcome) -> str:
    """Tell in a few lines what a run was and how it went."""
    hits = " ".join(f"{kind}:{count}" for kind, count in sorted(outcome.hits.items()))
    plan = outcome.plan
    verdict = "ok" if outcome.broken is None else f"broken: {outcome.broken.name}"
    took = f"{outcome.took_s:.1f} s"
    return "\n".join(
        [
            f"seed {plan.seed}, {plan.days:g} days, {plan.users} users: {verdict}",
            f"{outcome.calls} calls, {outcome.steps} steps, {outcome.lives} processes, {took}",
            f"faults that hit: {hits or 'none'}",
            f"log {outcome.log[:16]} dump {outcome.dump[:16]} file {outcome.file[:16]}",
        ]
    )


if __name__ == "__main__":
    main()
