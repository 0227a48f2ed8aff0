"""What failed, at the end of a run: a line per job, with the reason and where to read on."""

import re
from pathlib import Path

_ERROR = re.compile(r"^( *)Error in rule (\w+):\n(.*?^\1    log: [^\n]*)", re.MULTILINE | re.DOTALL)
_KILLED = "killed by the system (signal 9), most often for lack of memory: raise mem_mb of the rule, or lower `--cores`"


def listing(log: str | Path) -> str:
    """The jobs that failed in a run and did not succeed later, read from Snakemake's log of that run."""
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    finished = {match[1]: match.start() for match in re.finditer(r"Finished jobid: (\d+)", text)}
    failed, previous = {}, 0
    for match in _ERROR.finditer(text):
        facts = dict(re.findall(r"^ *(message|jobid|output|log): (.*)$", match[3], re.MULTILINE))
        if finished.get(facts["jobid"], -1) < match.start():
            logs = [Path(name) for name in re.findall(r"[^\s,]+\.log", facts.get("log", ""))]
            target = facts.get("output", "").split(", ")[0]
            nearby = text[previous : match.start()].rpartition("RuleException")[2]
            failed[facts["jobid"]] = f"  {match[2]} {target}\n    {_reason(facts.get('message', ''), logs, nearby)}"
            if logs:
                failed[facts["jobid"]] += f"\n    details: {logs[0]}"
        previous = match.end()
    if not failed:
        return ""
    return "\n".join([f"{len(failed)} failed; what does not depend on them is done:", *failed.values()])


def _reason(message: str, logs: list[Path], nearby: str) -> str:
    """Why a job failed: what Slurm says, a signal, or the last line that the job wrote."""
    if state := re.search(r"SLURM status is: '(\w+)'", message):
        return f"Slurm ended it: {state[1]}"
    said = [log.read_text(encoding="utf-8", errors="replace") if log.exists() else "" for log in logs]
    if any("SIGKILL" in words for words in [*said[1:], nearby]):
        return _KILLED
    lines = [line for line in (said[0] if said else "").splitlines() if line.strip()]
    if lines:
        return re.sub(r"^[\w.]*[A-Z]\w*: ", "", lines[-1])
    return "it left no word in its log" if message in ("", "None") else message
