"""Examines many submissions beside each other, on the workers of a Dask cluster: here, or on other machines.

A worker starts one process per examination (`job`) and keeps its result on the disk that all machines share; so what ends, whoever ends
it, loses nothing that was finished. No worker sees the gradebook. What fails because of a machine is tried again.
"""

import contextlib
import itertools
import logging
import multiprocessing
import os
import secrets
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from autograder.course import ConfigError, Course
from autograder.examine import apart, job, slurm
from autograder.examine.job import Job

TRIES = 3  # of an examination that machines fail at
MEMORY_MIB = 3072  # that one examination takes, kernels included: a right submission of any assignment stays below
JOBS = 50  # of Slurm at a time, where nothing else is said
WINDOW = 64  # examinations that lie ready for workers
PATIENCE_S = 30  # for a scheduler to answer


class Machine(Exception):
    """An examination was not done, and not because of the submission; the text is the reason."""


@dataclass(frozen=True)
class Where:
    """Where examinations are done.

    Args:
        workers: processes that examine, each one submission at a time; 0: as many as cores and memory allow.
        scheduler: address of a Dask scheduler whose workers see the course's folder; else workers are started here.
        slurm: further options of sbatch, where workers are jobs of Slurm; None: they are not.
    """

    workers: int = 0
    scheduler: str = ""
    slurm: str | None = None

    def number(self) -> int:
        """Return how many examinations are done beside each other on this machine."""
        memory = psutil.virtual_memory().available // (MEMORY_MIB * 2**20)
        return self.workers or max(1, min(len(os.sched_getaffinity(0)), memory))


def examine(course: Course, jobs: Iterable[Job], where: Where, number: int, ended: Callable[[Job, str], None]) -> None:
    """Do examinations beside each other; their results are kept by `stored`.

    Args:
        course: whose limits jobs of Slurm ask for.
        jobs: what is to be done, written as the workers come to it, so that not all of a class lies on the disk twice.
        where: on which workers.
        number: of examinations, at most.
        ended: called with each that ends, and why it could not be done; empty where it was.
    Raises:
        ConfigError: there are no workers to be had.
        KeyboardInterrupt: what was under way was stopped; nothing of it runs on.
    """
    waiting = iter(jobs)
    if (first := next(waiting, None)) is None:
        return
    from distributed import as_completed

    waiting, running, this = itertools.chain([first], waiting), {}, secrets.token_hex(4)
    with _client(course, where, number) as client:
        completed = as_completed(loop=client.loop)

        def submit(one: Job):
            key = f"{one.student}-{one.name}-{one.digest[:12]}-{this}"
            running[key] = one
            return client.submit(run, str(one.path), key=key, pure=False, retries=TRIES - 1)

        try:
            for one in itertools.islice(waiting, WINDOW):
                completed.add(submit(one))
            for future in completed:
                one = running.pop(future.key)
                error = future.exception()
                one.path.unlink(missing_ok=True)
                ended(one, "" if error is None else _reason(error))
                for one in itertools.islice(waiting, 1):
                    completed.add(submit(one))
        finally:
            for one in running.values():
                one.path.unlink(missing_ok=True)


def run(path: str) -> None:
    """Do the examination of one file; what a worker does.

    Its process is forked from one that has loaded everything once for all examinations of this worker.

    Raises:
        Machine: it could not be done.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # `dask worker` runs below a nanny as a daemon, which multiprocessing lets have no children, lest they outlive it: ours follow it
    multiprocessing.current_process()._config["daemon"] = False
    try:
        job.do(Path(path), apart.SERVED)
    except apart.Lost as lost:
        raise Machine(str(lost)) from None
    except Exception as error:
        raise Machine(f"an error of the grader ({type(error).__name__}: {error})") from error


@contextlib.contextmanager
def _client(course: Course, where: Where, number: int) -> Iterator:
    """Yield a client of the workers."""
    import dask
    from distributed import Client, LocalCluster

    # a worker that dies three times with one submission is not blamed on it; `run` ends in time by itself
    dask.config.set({"distributed.scheduler.allowed-failures": TRIES - 1, "distributed.worker.daemon": False})
    dask.config.set({"distributed.comm.timeouts.connect": PATIENCE_S, "distributed.admin.log-length": 0})
    with contextlib.ExitStack() as stack:
        if where.scheduler:
            try:
                client = Client(where.scheduler, timeout=PATIENCE_S, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise ConfigError(
                    f"--scheduler {where.scheduler}: no Dask scheduler answered there within {PATIENCE_S} s ({error}). "
                    "In the course's folder, `export PYTHONPATH=$PWD`, start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`."
                ) from None
        elif where.slurm is not None:
            cluster = stack.enter_context(slurm.workers(course, where.slurm, number))
            slurm.check(cluster, where.slurm)
            cluster.adapt(minimum_jobs=1, maximum_jobs=min(where.workers or JOBS, number))
            client = Client(cluster, set_as_default=False)
        else:
            cluster = LocalCluster(
                n_workers=min(where.number(), number),
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                memory_limit=None,
                silence_logs=logging.ERROR,  # what is under way when a run is stopped is no news
            )
            stack.enter_context(cluster)
            client = Client(cluster, set_as_default=False)
        stack.enter_context(client).register_plugin(_leaving())
        yield client


def _leaving():
    """Return what ends the examination of a worker that is told to end, which would wait for it."""
    from distributed import WorkerPlugin

    class Leaving(WorkerPlugin):
        name = "end examinations with their worker"

        def setup(self, worker) -> None:
            # Ctrl-C reaches all of a terminal; a worker below a nanny is ended by it
            if multiprocessing.parent_process() is not None:
                signal.signal(signal.SIGINT, signal.SIG_IGN)

        def teardown(self, worker) -> None:
            for examination in multiprocessing.active_children():
                examination.terminate()

    return Leaving()


def _reason(error: BaseException) -> str:
    """Return in words why an examination could not be done."""
    if isinstance(error, Machine):
        return str(error)
    return f"the worker that examined it ended {TRIES} times ({type(error).__name__})"
