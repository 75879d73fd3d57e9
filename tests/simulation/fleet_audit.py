"""What the store holds of jobs over many apps, against the model and against itself."""

from pathlib import Path

from bulkhead.model.job import JobState
from tests.fakes.engine import COUNTED, FAILED, SUCCEEDED, audit_job, items_of, range_of, unpacked
from tests.simulation.audit import OPEN, named
from tests.simulation.fleet_job import FleetJob
from tests.simulation.kernel import require

TEXT = (Path(__file__).parent / "fleet_audit.lua").read_text()
JOB = (
    *("state", "next", "in_flight", "succeeded", "skipped", "failed", "unknown"),
    *("visit", "wave_from", "wave_end"),
)
PLACES = ("due", "offered", "paced", "wake", "retries", "open")


class FleetAudit:
    """Looks at one job after the other: each changes at visits, too, of which nobody is told."""

    def __init__(self, redis, key, model):
        self._script = redis.register_script(TEXT)
        self._root, self._model = key(), model

    def run(self, *, ended=False):
        """Raises Violation where anything is not as it must be; also looks at `ended` jobs."""
        for job in self._model.jobs.values():
            if isinstance(job, FleetJob) and (ended or not job.over or job.state in OPEN):
                self._job(job, *self._script([self._root], [job.name]))

    def _job(self, job, fields, packed, visit_at, told):
        fields, states = named(JOB, fields), unpacked(packed, job.total)
        places = [dict(zip(PLACES, one, strict=True)) for one in told]
        state = JobState(fields["state"])
        self._learn(job, states, state)
        settled = {index: found for index, found in enumerate(states) if found in COUNTED}
        differ = settled.items() ^ job.final.items()
        require(not differ, "what became of the items", job.name, differ)
        retries = self._retries(job, places)
        self._conserved(job, fields, states, places, retries)
        if job.state and JobState(job.state).terminal:
            require(state.value == job.state, "the end is the end", job.name, job.state, state)
        job.state = state.value
        first, end = int(fields.get("wave_from", 0)), int(fields["wave_end"])
        wave = job.wave(end - 1)
        require(
            (first, end) == (wave.start, wave.stop), "a wave begins and ends as ordered", first, end
        )
        visited = "visit" not in fields
        require(visited or visit_at is not None, "a visit is waited for", job.name)
        if state.terminal:
            job.over = True
            left = [one for one in places if one["offered"] is not None or one["open"]]
            require(not (visited and left), "an ended job is offered", job.name)
            return job.check_end(state.value)
        require(not job.over, "ended and alive again", job.name, state.value)
        if visited and state.value in OPEN:
            self._goes_on(job, int(fields["next"]), places)
        return None

    def _learn(self, job, states, state):
        """What visits have done: taken items back, and met apps that are gone."""
        for index, found in enumerate(states):
            if job.final.get(index) == SUCCEEDED != found:
                job.take_back(index)
            elif found == FAILED and self._model.apps[job.names[index]].gone:
                job.final.setdefault(index, FAILED)
        if state.terminal:
            self._model.ended(job)

    def _retries(self, job, places):
        found = []
        for name, one in zip(job.names, places, strict=True):
            members = list(zip(one["retries"][::2], one["retries"][1::2], strict=True))
            for member, at in members:
                of, _, rest = member.decode().partition(":")
                index, _, step = rest.partition("@")
                require(one["wake"] is not None, "retries are waited for", name)
                require(float(one["wake"]) <= float(at), "who waits is woken in time", name)
                if of == job.name:
                    told = (job.name, index, step, int(at), job.due.get(int(index)))
                    known = (job.due.get(int(index)), job.steps.get(int(index), ""))
                    ended = JobState(job.state or "queued").terminal
                    require(ended or known == (int(at), step), "an item waits for its time", *told)
                    found.append(int(index))
        return found

    def _conserved(self, job, fields, states, places, retries):
        mine = [
            {
                "left": ",".join(f"{item}-{item}" for item in sorted(lease.items)),
                "state": "begun" if lease.begun else "granted",
            }
            for lease in self._model.leases.values()
            if lease.job == job.name
        ]
        due = items_of(range_of(one["due"]) for one in places if one["due"] is not None)
        try:
            audit_job(fields, states, due + retries, mine)
        except AssertionError as error:
            require(False, "conservation", job.name, fields["state"], str(error).split("\n")[0])

    def _goes_on(self, job, released, places):
        """With no visit to come, something of the job can be claimed, waits, or is being called."""
        left = [index for index in range(released) if index not in job.final]
        require(left, "a job waits for nobody", job.name, released, "of", job.total)
        for name, one in zip(job.names, places, strict=True):
            offered = one["offered"] is not None or one["paced"] is not None
            require(one["due"] is None or offered, "stranded item", job.name, name)
