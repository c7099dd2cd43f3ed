"""Run a scenario's seeds over Dask: a cluster inside this process, or any scheduler's address for more machines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stope.campaign.job import Job, Row, broken, folder_of, run_job
from stope.mission.errors import InputError
from stope.mission.scenario import Scenario

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_S = 10
LOOK_S, NOBODY_LOOKS = 5, 12  # a worker that died is back within seconds, a machine within a minute


def jobs_of(scenario: Scenario, seeds: Iterable[int], out: Path, keep: bool = False) -> list[Job]:
    """One job a seed. A run is the same in whatever campaign and on whatever worker it is flown."""
    return [
        Job(
            mission=scenario.mission,
            settings=scenario.settings(seed),
            anchors=scenario.anchors,
            inject=scenario.inject,
            seed=seed,
            drawn={vary.field: vary.draw(seed) for vary in scenario.vary},
            out=str(folder_of(out.absolute(), seed)),
            keep=keep,
            timeout_s=scenario.timeout_s,
        )
        for seed in seeds
    ]


def run_jobs(
    jobs: list[Job],
    workers: int,
    scheduler: str | None,
    on_row: Callable[[Row], None],
    do: Callable[[Job], Row] = run_job,
) -> None:
    """Run all jobs; `on_row` gets each row as it arrives, one for every job, in no order.

    Args:
        workers: runs at a time on this machine; with a scheduler its workers decide.
        scheduler: address of a Dask scheduler, tcp://host:port; its workers need stope, and mission files under the
            same path.
        do: what a worker does with a job.

    Raises:
        InputError: nobody answers at the address.
    """
    with _client(workers, scheduler) as client:
        suspects: list[Job] = []
        for job, row, died in _rows(client, do, jobs):
            if died:
                suspects.append(job)
            else:
                on_row(row)
        # Dask blames every job that sat on a worker that died. Tried again one at a time, each answers for itself.
        for suspect in suspects:
            for _, row, _ in _rows(client, do, [suspect]):
                on_row(row)


def _rows(client: Client, do: Callable[[Job], Row], jobs: list[Job]) -> Iterator[tuple[Job, Row, bool]]:
    """Every job with its row as it arrives, and whether its worker died under it."""
    from distributed import KilledWorker

    waiting = {client.submit(do, job, pure=False, retries=1): job for job in jobs}
    while waiting:
        done = _next_done(client, list(waiting))
        for future in done:
            job = waiting.pop(future)
            error = future.exception()
            row = broken(job, f"its worker failed: {error!r}", 0.0) if error is not None else future.result()
            future.release()
            yield job, row, isinstance(error, KilledWorker)
        if not done:
            client.cancel(list(waiting))
            reason = f"the scheduler has had no worker for {NOBODY_LOOKS * LOOK_S} s"
            yield from ((job, broken(job, reason, 0.0), False) for job in waiting.values())
            return


def _next_done(client: Client, futures: list[Future]) -> set[Future]:
    """The next that are done; none if for a minute there is nobody to do them, which Dask would wait for for ever."""
    from distributed import wait

    nobody = 0
    while nobody < NOBODY_LOOKS:
        try:
            done: set[Future] = wait(futures, timeout=LOOK_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            nobody = 0 if client.nthreads() else nobody + 1
        else:
            return done
    return set()


ANY_PORT = "127.0.0.1:0"  # of the scheduler's pages: two campaigns on one machine would fight for the usual one


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Client]:
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=CONNECT_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(
                "--scheduler", read=f"'{scheduler}', where nobody answers ({error})",
                expected="the address of a Dask scheduler, tcp://host:8786",
            ) from error  # fmt: skip
        with client:
            yield client
        return
    # Threads are enough for workers that wait for processes, and start at once.
    quiet = logging.ERROR
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=workers, processes=False, dashboard_address=ANY_PORT, silence_logs=quiet
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
