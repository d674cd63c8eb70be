"""jupyter_client's managers and clients for kernels that are not trusted: whatever comes is read, bounded, and never waited for in vain."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

import zmq.asyncio
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerFactory
from jupyter_client.session import Session
from traitlets import Instance

from autograder.course import Course
from autograder.sandbox import levels
from autograder.sandbox.data import shown_data
from autograder.sandbox.provisioner import Provisioner


class Forgiving(Session):
    """Reads what a kernel sends; what is no message is read as an empty one, which nobody waits for."""

    def feed_identities(self, msg_list, copy=True):
        """Return the identities and the rest of what came."""
        try:
            return super().feed_identities(msg_list, copy)
        except Exception:
            return [], []

    def deserialize(self, msg_list, content=True, copy=True):
        """Return the message, whose parts are of the right types."""
        try:
            message = super().deserialize(msg_list, content, copy)
            if all(isinstance(message[part], dict) for part in ("header", "parent_header", "metadata", "content")):
                return message
        except Exception:  # whatever it makes the library raise
            pass
        parts = {part: {} for part in ("header", "parent_header", "metadata", "content")}
        return {"msg_id": "", "msg_type": "", "buffers": [], **parts}


class Client(AsyncKernelClient):
    """Asks by messages alone: the thread of a heartbeat never ends where its kernel stops reading."""

    def start_channels(self, shell=True, iopub=True, stdin=True, hb=False, control=True):
        super().start_channels(shell=shell, iopub=iopub, stdin=stdin, hb=False, control=control)


class Manager(AsyncKernelManager):
    """Gives its clients a context of sockets that bounds what a kernel may send, and how long it may not listen."""

    client_context = Instance(zmq.asyncio.Context)

    @property
    def process(self) -> Provisioner:
        """The kernel's process under limits."""
        return cast(Provisioner, self.provisioner)

    def client(self, **kwargs):
        return super().client(**{"context": self.client_context} | kwargs)


def kernel_manager(course: Course, room: Path, context: zmq.asyncio.Context, gpu: bool) -> Manager:
    """Return a kernel manager whose kernel runs at the course's level of isolation, whatever kernelspec a notebook names.

    Args:
        course: level, limits and data.
        room: a private folder with a short path; its `given` holds what the kernel's working folder starts with.
        context: of the sockets of the manager's clients.
        gpu: whether the kernel gets the GPU.
    """
    provisioner = levels.LEVELS[course.sandbox]
    name = f"vae-kit-{course.sandbox}"
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[name] = EntryPoint(
        name, f"{provisioner.__module__}:{provisioner.__name__}", factory.GROUP_NAME
    )
    config = {"room": room, "limits": levels.limits(course), "gpu": gpu, "data": shown_data(course, room)}
    manager = Manager(
        transport="ipc",
        ip=str(room / "k"),
        connection_file=str(room / "kernel.json"),
        client_context=context,
        client_factory=Client,
        session=Forgiving(),
    )
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python",
        language="python",
        interrupt_mode="message",
        metadata={"kernel_provisioner": {"provisioner_name": name, "config": config}},
    )
    return manager


def environment(course: Course) -> dict[str, str]:
    """Return the environment variables of a kernel, beside those that say where things are: nothing of the grader's own."""
    return {
        "LANG": "C.UTF-8",
        "USER": "student",  # libraries ask for a name, which no file needs to give
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "OMP_NUM_THREADS": "1",  # two kernels with two spinning threads each are seventy times slower than one thread each
        "MKL_NUM_THREADS": "1",
        **{f"COURSE_{name.upper()}": getattr(course, name) for name in ("dataset", "budget", "device", "training")},
    }
