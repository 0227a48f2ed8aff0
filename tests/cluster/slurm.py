"""A real Slurm on one machine: two nodes with pretend GPUs, accounting in MariaDB; all of it in one folder."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch", "sacct")
NODES = ("n1", "n2")
# slurmd and slurmctld live in /usr/sbin, which the path of an ordinary shell may lack
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])

SLURM_CONF = """
ClusterName=drill
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={slurmctld}
SlurmctldPidFile={folder}/slurmctld.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SlurmctldParameters=node_reg_mem_percent=1
ReturnToService=2
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStoreFlags=job_comment
AccountingStorageTRES=gres/gpu
AccountingStorageHost=127.0.0.1
AccountingStoragePort={slurmdbd}
AccountingStoragePass={folder}/munge.socket
SlurmdTimeout=10
KillWait=2
InactiveLimit=0
SchedulerParameters=sched_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=urgent Nodes=ALL MaxTime=INFINITE PriorityTier=9 PreemptMode=OFF State=UP
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 RealMemory=16000 Gres=gpu:2"
GRES_CONF = "Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n"
SLURMDBD_CONF = """
DbdHost=localhost
DbdPort={slurmdbd}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={mariadb}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm
"""
DATABASE = """
CREATE DATABASE slurm;
CREATE USER 'slurm'@'%' IDENTIFIED BY '{password}';
GRANT ALL ON slurm.* TO 'slurm'@'%';
"""


def missing() -> str:
    """Why no Slurm can be brought up here; empty if it can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if absent:
        return f"{', '.join(absent)} not installed (Debian: slurm-wlm munge slurmdbd mariadb-server)"
    return "" if os.geteuid() == 0 else "the daemons of Slurm need root"


class Slurm:
    """The daemons: started in order, each awaited, stopped in reverse; every process by its own id."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True)
        self.processes: dict[str, subprocess.Popen] = {}
        self.environment = os.environ | {"PATH": PATH, "SLURM_CONF": str(self.folder / "slurm.conf")}
        self._configure()

    def __enter__(self) -> "Slurm":
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, *command: str) -> str:
        """Run a client of Slurm; returns what it prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """All jobs that accounting knows, also earlier starts of the same: id, state, what they had, where, comment.

        Accounting hears of a job, and of each of its changes, some seconds late; not told a start, sacct begins at
        midnight.
        """
        fields = ["JobID", "State", "AllocTRES", "NodeList", "Comment"]
        rows = self.run("sacct", "-X", "-n", "-P", "-D", "-a", "-S", "now-1days", "-o", ",".join(fields)).splitlines()
        return [dict(zip(fields, row.split("|"), strict=True)) for row in rows]

    def states(self, job: str) -> list[str]:
        """The states of each start of one job, as far as accounting has heard."""
        return [row["State"] for row in self.jobs() if row["JobID"] == job]

    def await_state(self, job: str, *states: str, seconds: float = 60) -> None:
        """Wait until accounting says that a start of `job` is or was in one of `states`; else raises RuntimeError."""
        end = time.monotonic() + seconds
        while not any(found.startswith(states) for found in self.states(job)):
            if time.monotonic() > end:
                raise RuntimeError(f"job {job} is not {' or '.join(states)} but {self.states(job)}")
            time.sleep(1)

    def kill(self, name: str) -> None:
        """kill -9 one daemon."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def kill_node(self, name: str) -> None:
        """As if its power was cut: the daemon and all processes of jobs on this node are gone at once."""
        running = self.run("squeue", "-h", "-w", name, "-o", "%i").split()
        pids = [
            int(row.split()[0]) for job in running for row in self.run("scontrol", "listpids", job).splitlines()[1:]
        ]
        parents = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in pids}
        steps = [pid for pid in parents if Path(f"/proc/{pid}/comm").read_text().startswith("slurmstepd")]
        self.kill(name)
        for pid in [*steps, *pids]:  # those first that would tell the controller
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start(self, name: str, *command: str) -> None:
        """Start one daemon in the foreground of its own session, with its output in `<name>.log`."""
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def start_controller(self) -> None:
        self.start("slurmctld", "slurmctld", "-D", "-i")
        self.wait_for("slurmctld", lambda: "UP" in self.run("scontrol", "ping"))

    def start_node(self, name: str) -> None:
        self.start(name, "slurmd", "-D", "-N", name)
        self.wait_for(
            name, lambda: self.run("sinfo", "-h", "-N", "-n", name, "-o", "%T").split()[0] in ("idle", "mixed")
        )

    def wait_for(self, name: str, ready: Callable[[], object], seconds: float = 60) -> None:
        """Wait until `ready` is true and raises nothing. Raises RuntimeError with the daemon's log if it never is."""
        end = time.monotonic() + seconds
        reason: object = ""
        while time.monotonic() < end:
            process = self.processes.get(name)
            if process is not None and process.poll() is not None:
                break
            try:
                if ready():
                    return
            except (RuntimeError, OSError, IndexError) as error:
                reason = error
            time.sleep(0.2)
        log = self.folder / f"{name}.log"
        raise RuntimeError(f"{name} did not start: {reason}\n{log.read_text()[-3000:] if log.exists() else ''}")

    def stop(self) -> None:
        """Cancel what runs, then stop all daemons, last started first."""
        if "slurmctld" in self.processes:
            subprocess.run(["scancel", "--user=root"], env=self.environment, capture_output=True)
            time.sleep(1)
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def _configure(self) -> None:
        names = ("slurmctld", "slurmdbd", "mariadb", *NODES)
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names]
        self.ports = {name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)}
        for each in sockets:
            each.close()
        facts = self.ports | {"folder": self.folder, "host": socket.gethostname(), "password": secrets.token_hex(8)}
        nodes = "\n".join(NODE.format(name=name, port=self.ports[name], **facts) for name in NODES)
        (self.folder / "slurm.conf").write_text(SLURM_CONF.format(nodes=nodes, **facts))
        (self.folder / "gres.conf").write_text(GRES_CONF)
        (self.folder / "database.sql").write_text(DATABASE.format(**facts))
        for name, text in (("slurmdbd.conf", SLURMDBD_CONF.format(**facts)), ("munge.key", secrets.token_hex(64))):
            path = self.folder / name
            path.touch(mode=0o600)
            path.write_text(text)
        (self.folder / "munge.key").chmod(0o400)
        for name in ("state", *NODES):
            (self.folder / name).mkdir()

    def _start_all(self) -> None:
        f = self.folder
        munge = ("key-file", "munge.key"), ("socket", "munge.socket"), ("pid-file", "munged.pid"), ("seed-file", "seed")
        self.start("munged", "munged", "--foreground", "--force", *(f"--{k}={f / name}" for k, name in munge))
        self.wait_for("munged", (f / "munge.socket").exists)
        install = [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={f / 'database'}",
            "--user=root",
            "--skip-test-db",
        ]
        subprocess.run(install, check=True, capture_output=True)
        options = {
            "datadir": f / "database",
            "socket": f / "mariadb.socket",
            "pid-file": f / "mariadb.pid",
            "port": self.ports["mariadb"],
            "bind-address": "127.0.0.1",
            "user": "root",
            "init-file": f / "database.sql",
        }
        self.start("mariadb", "mariadbd", "--no-defaults", *(f"--{key}={value}" for key, value in options.items()))
        self.wait_for("mariadb", lambda: socket.create_connection(("127.0.0.1", self.ports["mariadb"])).close() is None)
        self.start("slurmdbd", "slurmdbd", "-D")
        self.wait_for("slurmdbd", lambda: self.run("sacctmgr", "-i", "add", "cluster", "drill"))
        self.start_controller()
        for name in NODES:
            self.start_node(name)
