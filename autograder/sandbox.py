"""Where a submission's kernel runs: a kernel provisioner for each level of isolation.

At present one level exists, "none": a plain process with limits, an environment of its own and a working folder of its own. It keeps
honest submissions apart; it does not stop a hostile one from reading what the grading user may read.
"""

import os
import resource
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import zmq.asyncio
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from traitlets import Instance, Int

WARNING = "ran in a plain process without a sandbox: do not grade submissions of people you do not trust this way"


class PlainProvisioner(LocalProvisioner):
    """Starts the kernel as an ordinary process with limits on memory and files; its raw output is thrown away."""

    file_limit_mib = Int(1024, help="largest file the kernel may write")
    memory_limit_mib = Int(8192, help="data that the kernel, and each process it starts, may hold")

    async def launch_kernel(self, cmd, **kwargs):
        largest, memory = self.file_limit_mib * 2**20, self.memory_limit_mib * 2**20

        def limits():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
            # not RLIMIT_AS: CUDA reserves far more address space than it uses
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))

        kwargs |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "preexec_fn": limits}
        return await super().launch_kernel(cmd, **kwargs)


PROVISIONERS = {"none": PlainProvisioner}


class BoundedManager(AsyncKernelManager):
    """Gives its clients a context of sockets that bounds what a kernel may send."""

    client_context = Instance(zmq.asyncio.Context)

    def client(self, **kwargs):
        return super().client(**{"context": self.client_context} | kwargs)


def kernel_manager(
    level: str, sockets: Path, context: zmq.asyncio.Context, memory_limit_mib: int
) -> AsyncKernelManager:
    """Return a kernel manager whose kernel runs at a level of isolation, whatever kernelspec a notebook names.

    Args:
        level: "none".
        sockets: a private folder with a short path, for the kernel's sockets and connection file.
        context: of the sockets of the manager's clients.
        memory_limit_mib: data that the kernel may hold.
    """
    provisioner = PROVISIONERS[level]
    name = f"vae-kit-{level}"
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[name] = EntryPoint(
        name, f"{provisioner.__module__}:{provisioner.__name__}", factory.GROUP_NAME
    )
    manager = BoundedManager(
        transport="ipc",
        ip=str(sockets / "k"),
        connection_file=str(sockets / "kernel.json"),
        client_context=context,
    )
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python",
        language="python",
        interrupt_mode="message",
        metadata={"kernel_provisioner": {"provisioner_name": name, "config": {"memory_limit_mib": memory_limit_mib}}},
    )
    return manager


def environment(home: Path, variables: dict[str, str]) -> dict[str, str]:
    """Return all environment variables of a kernel: nothing of the grader's own but where programs are found."""
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "HOME": str(home),
        "TMPDIR": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "MPLCONFIGDIR": str(home / ".matplotlib"),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",  # two kernels with two spinning threads each are seventy times slower than one thread each
        "MKL_NUM_THREADS": "1",
        **variables,
    }
