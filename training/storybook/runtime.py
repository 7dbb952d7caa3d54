"""What every training step shares: device and precision, budgets, checkpoints, progress lines."""
import contextlib
import json
import os
import random
import signal
import time

import torch


def pick_device(name=None):
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def bf16_is_fast(device):
    """On CUDA, and on CPUs with AMX or AVX-512 bf16 (5 times f32 there); elsewhere it takes ten times as long as f32."""
    return device.type == "cuda" or torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def autocast(device, enabled=True):
    """bf16 where it is fast, plain f32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16) if enabled and bf16_is_fast(device) else contextlib.nullcontext()


class Ranks:
    """Data-parallel training: one process for each core trains its own batches and they average their gradients each step.

    Started by torchrun (which sets RANK and WORLD_SIZE), or one process alone.  On a CPU two single-threaded processes do
    half again the work of one process of two threads, whose threads wait for each other at every small operation.
    """

    def __init__(self, params):
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.params = params
        if self.world > 1:
            torch.distributed.init_process_group("gloo")
            count = sum(p.numel() for p in params)
            self.flat, at = torch.zeros(count + 2), 0
            for p in params:  # gradients are views of one buffer, averaged in one call
                p.grad = self.flat[at:at + p.numel()].view_as(p)
                at += p.numel()

    def zero_grad(self):
        if self.world > 1:
            self.flat.zero_()
        else:
            for p in self.params:
                p.grad = None

    def average(self, run):
        """After backward: gradients, time spent and the wish to stop become those of all."""
        if self.world > 1:
            run.in_step = True
            self.flat[-2:] = torch.tensor([float(run.stopping or run.over()), run.spent])
            torch.distributed.all_reduce(self.flat)
            self.flat /= self.world
            run.stopping, run.spent = bool(self.flat[-2] > 0), float(self.flat[-1])


def save_atomic(state, path):
    torch.save(state, path + ".new")
    os.replace(path + ".new", path)


def add_run_arguments(parser, seconds):
    """The arguments of every training command; `prepare(args)` applies them."""
    parser.add_argument("--seconds", type=float, default=seconds, help=f"training time in all, over restarts (default {seconds})")
    parser.add_argument("--clock", choices=["wall", "cpu", "steps"], default="wall", help="cpu: count this process's CPU time divided by its threads, for runs that share the machine; steps: --seconds and --stop-after count steps, for runs that must not depend on the machine's speed")
    parser.add_argument("--stop-after", type=float, help="end this run after so many seconds (wall clock), with a checkpoint")
    parser.add_argument("--save-every", type=float, default=300, help="seconds between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="CPU threads")


def prepare(args, log_path=None):
    """-> the Run of these arguments, with threads and seed set."""
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    return Run(args.seconds, args.stop_after, args.save_every, log_path, args.clock)


class Run:
    """A budget of training seconds over any number of restarts.

    `for step in run:` ends when the seconds are used up, this process has run `stop_after` seconds, or on SIGTERM/SIGINT (the
    step in progress is finished, so that the caller can store a checkpoint).  Time while the machine slept does not count.
    """

    def __init__(self, seconds, stop_after=None, save_every=300.0, log_path=None, clock="wall"):
        self.seconds, self.stop_after, self.step, self.spent = seconds, stop_after or 1e12, 0, 0.0
        self.save_every, self.log_path, self.counting, self.done = save_every, log_path, clock == "steps", 0
        self.now = time.time if clock == "wall" else lambda: time.process_time() / torch.get_num_threads()
        self.began = self.saved = time.time()
        self.last = self.now()
        self.stopping, self.in_step = False, False  # in_step: Ranks decides for all when to end
        for s in (signal.SIGTERM, signal.SIGINT):
            signal.signal(s, self._stop)

    def _stop(self, *_):
        self.stopping = True

    @property
    def progress(self):
        """Share of the budget used, 0..1."""
        return min(1.0, self.spent / self.seconds)

    def over(self):
        return self.spent >= self.seconds or (self.done if self.counting else time.time() - self.began) >= self.stop_after

    def __iter__(self):
        while not self.stopping and (self.in_step or not self.over()):
            yield self.step
            now = self.now()
            self.spent += 1 if self.counting else min(now - self.last, 60)
            self.last, self.step, self.done = now, self.step + 1, self.done + 1

    def restart_clock(self):
        """Leaves what went before (preparing data) out of the budget."""
        self.last = self.now()

    def due(self):
        """True once every `save_every` seconds: time for a checkpoint."""
        if time.time() - self.saved < self.save_every:
            return False
        self.saved = time.time()
        return True

    def log(self, **values):
        eta = max(0, self.seconds - self.spent)
        line = {"step": self.step, "spent_s": round(self.spent), "eta_s": round(eta), **{k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()}}
        print(" ".join(f"{k} {v}" for k, v in line.items()), flush=True)
        if self.log_path:
            with open(self.log_path, "a") as f:
                f.write(json.dumps(line) + "\n")
