"""The attempts at one job: a process's answer becomes the job's one outcome."""

import logging

from data.errors import UserError
from data.outcome import NOT_DELIVERED, Done, Failed, Outcome
from engines.files.hosts import HostHealth
from engines.video.frames import Frames
from engines.video.guard.child import DecoderProcess, ProcessDied
from engines.video.guard.protocol import read_frames
from engines.video.guard.queue import Cancelled, Job, JobQueue

log = logging.getLogger(__name__)


class UnforeseenError(Exception):
    """The traceback of an exception in a decoder process that is no known fault of a file."""


class Attempts:
    """Runs the jobs of a guard, and remembers which hosts deliver nothing."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s, self._hosts = deadline_s, HostHealth()

    def run_job(self, queue: JobQueue, job: Job, worker: DecoderProcess) -> Outcome:
        """The job's outcome, without an attempt where its host is down."""
        location = job.request["uri"]
        if fault := self._hosts.find_fault(location):
            return Failed(job.id, "unreachable", fault)
        outcome = self._try_twice(queue, job, worker)
        fault = None
        if isinstance(outcome, Failed) and outcome.reason in NOT_DELIVERED:
            fault = outcome.detail
        self._hosts.record(location, fault)
        return outcome

    def _try_twice(self, queue: JobQueue, job: Job, worker: DecoderProcess) -> Outcome:
        """The job's outcome; what nobody foresaw gets one second chance."""
        for is_last in (False, True):
            try:
                return self._read_answer(queue, job, worker)
            except TimeoutError:
                return Failed(job.id, "timeout", f"no heartbeat for {self._deadline_s:g} s")
            except ProcessDied as death:
                if queue.cancelled:  # killed because nobody waits, not by its video
                    raise Cancelled from death
                if is_last:
                    return Failed(job.id, "crashed", f"{death}, twice")
                log.warning("retrying video %s in a new decoder process: %s", job.id, death)
            except UnforeseenError as error:
                # As an exception a mistake in the program would fail its shard each night.
                if is_last:
                    log.error("video %s met a bug:\n%s", job.id, error)
                    return Failed(job.id, "crashed", str(error).strip()[-400:])
                worker.discard()  # it may be what the process has become that is at fault
        raise AssertionError("a video has two attempts")

    def _read_answer(self, queue: JobQueue, job: Job, worker: DecoderProcess) -> Outcome:
        for header, body in worker.run_request(job.request, lambda: not queue.cancelled):
            match header["kind"]:
                case "frames":
                    self._put_new_frames(queue, job, read_frames(header, body))
                case "done":
                    return Done(job.id, job.parse(header["value"]))
                case "failed":
                    return Failed(job.id, header["reason"], header["detail"])
                case "user_error":
                    raise UserError(header["detail"])
                case "error":
                    raise UnforeseenError(header["traceback"])
        raise AssertionError("an answer ends with a final message")

    def _put_new_frames(self, queue: JobQueue, job: Job, frames: Frames) -> None:
        """Puts the frames that a first attempt had not put already."""
        new = frames.index > job.last
        if new.all():
            queue.put(job, frames)
        elif new.any():
            queue.put(job, Frames(frames.index[new], frames.seconds[new], frames.pixels[new]))
