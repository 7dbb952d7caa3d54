"""The whole recipe on a CPU that others use too: phase after phase in the background, at the lowest priority, resumable.

  python training/run_on_cpu.py --icons icons.json --text-encoder minilm --work work --hours 20      (stop: kill the pid in work/run.pid)
  python training/run_on_cpu.py --work work --status

Every phase is one of the commands of README.md in its own process, with `--clock cpu`: budgets count the CPU time it got, not the
time it waited.  Started again with the same arguments it goes on where it stopped; `work/<phase>.done` marks a finished phase.
"""
import argparse
import glob
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RANKS = os.cpu_count() or 1  # the transformer trains and is distilled in a process for each core, which beats one process of as many threads
# Share of --hours that each training phase gets; drawing and encoding come on top (about 3 clips or 60 pictures a second).
SHARES = {"autoencoder": 0.14, "transformer": 0.62, "judge": 0.08, "distil": 0.16}


def plan(a):
    """-> [(phase, module, arguments)]"""
    from storybook.runtime import bf16_is_fast, pick_device  # torch, which --status needs not
    at, minilm = lambda *p: os.path.join(a.work, *p), ["--text-encoder", a.text_encoder]
    assets, budget = ["--assets", at("assets.pt")], lambda phase: ["--clock", "cpu", "--seconds", str(round(a.hours * 3600 * SHARES[phase]))]
    autoencoder = a.start or at("autoencoder")
    encode = assets + minilm + ["--autoencoder", autoencoder, "--subjects", a.subjects, "--grid", "1", "--calm", "0.75"]
    muon = lambda rate: ["--muon-lr", rate if bf16_is_fast(pick_device("cpu")) else "0"]  # it computes in bf16
    rates = ["--lr", "1.4e-3"] + muon("4e-3")
    teacher = a.start and os.path.join(a.start, "teacher")  # what a distilled transformer was distilled from trains further
    start = ["--go-on-from", teacher if os.path.isdir(teacher) else a.start] if a.start else []  # (torchrun takes a --start for its own); the autoencoder stays as it is: latents of another one would be new to the transformer
    score = ["score"] + assets + minilm + ["--work", at("judge"), "--count", "100"]
    phases = [
        ("assets", "assets", ["--icons", a.icons, "--out", at("assets.pt"), "--size", str(a.size)]),
        ("autoencoder", "train_autoencoder", assets + ["--work", at("autoencoder")] + budget("autoencoder")),
        ("stills", "encode", encode + ["--out", at("stills"), "--frames", "1", "--shards", str(a.still_shards), "--clips", "2000", "--captions", "2"]),
        ("clips", "encode", encode + ["--out", at("clips"), "--frames", "25", "--shards", str(a.clip_shards), "--clips", "500", "--captions", "3"]),
        ("transformer", "train_transformer", minilm + ["--stills", at("stills"), "--clips", at("clips"), "--work", at("transformer"), "--heads", str(a.heads), "--layers", str(a.layers),
                                                       *rates, "--still-batch", str(max(1, 32 // RANKS)), "--clip-batch", str(max(1, 6 // RANKS)), "--threads", "1"] + start + budget("transformer")),
        ("judge", "judge", ["train"] + assets + ["--work", at("judge"), "--subjects", a.subjects] + budget("judge")),
        ("distil", "distil", minilm + ["--work", at("transformer"), "--clips", at("clips"), "--out", at("distilled"), "--guidance", "2", "--steps", "8", "--teacher-steps", "8", "--jitter", "0.9", "--compile",
                                          "--lr", "5e-4", "--renew", "0.125", "--pool", str(300 // RANKS), "--ema", "0.99", "--threads", "1"] + muon("1.5e-3") + budget("distil")),
        ("bundle", "bundle", assets + minilm + ["--work", at("distilled"), "--autoencoder", autoencoder, "--out", at("bundle"), "--subjects", a.subjects, "--steps", "4", "--guidance", "1"]),
        ("teacher", "bundle", assets + minilm + ["--work", at("transformer"), "--autoencoder", autoencoder, "--out", at("teacher"), "--subjects", a.subjects, "--steps", "10", "--guidance", "2"]),
        ("score", "judge", score + ["--bundle", at("bundle"), "--out", at("evaluation.json")]),
        ("match", "match", assets + minilm + ["--subjects", a.subjects, "--bundle", at("bundle"), "--out", at("match.json")]),
        ("score-teacher", "judge", score + ["--bundle", at("teacher"), "--out", at("evaluation-teacher.json")]),
    ]
    return [phase for phase in phases if not (a.start and phase[0] == "autoencoder")]


def status(work):
    for name in ("autoencoder", "transformer", "judge", "distilled"):
        for log in glob.glob(os.path.join(work, name, "*.jsonl")):
            rows = [json.loads(line) for line in open(log)]
            print(os.path.basename(log), json.dumps(rows[-1]))
    print("finished:", ", ".join(sorted(os.path.basename(f)[:-5] for f in glob.glob(os.path.join(work, "*.done")))) or "nothing")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", required=True)
    p.add_argument("--icons", help="icons.json of @iconify-json/fluent-emoji-flat")
    p.add_argument("--text-encoder", help="folder with MiniLM")
    p.add_argument("--start", help="folder of trained weights to go on from: its autoencoder is kept, its transformer trained further")
    p.add_argument("--hours", type=float, default=20, help="training hours of all cores in all")
    p.add_argument("--subjects", default="core")
    p.add_argument("--size", type=int, default=128)
    p.add_argument("--heads", type=int, default=4)
    p.add_argument("--layers", type=int, default=8)
    p.add_argument("--still-shards", type=int, default=20, help="of 2000 pictures")
    p.add_argument("--clip-shards", type=int, default=12, help="of 500 clips")
    p.add_argument("--status", action="store_true")
    a = p.parse_args()
    if a.status:
        return status(a.work)
    for name in ("work", "icons", "text_encoder"):  # the phases run in this file's folder
        setattr(a, name, os.path.abspath(getattr(a, name) or ""))
    a.start = a.start and os.path.abspath(a.start)
    os.makedirs(a.work, exist_ok=True)
    with open(os.path.join(a.work, "run.pid"), "w") as f:
        f.write(str(os.getpid()))
    os.nice(19)
    child, stopping = None, False

    def stop(*_):
        nonlocal stopping
        stopping = True
        if child:
            child.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop), signal.signal(signal.SIGINT, stop)
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
    for phase, module, arguments in plan(a):
        done = os.path.join(a.work, f"{phase}.done")
        if os.path.exists(done):
            continue
        print(f"{time.strftime('%F %T')} {phase}", flush=True)
        with open(os.path.join(a.work, f"{phase}.log"), "a") as log:
            ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(RANKS)] if module in ("train_transformer", "distil") else []
            child = subprocess.Popen([sys.executable, *ranks, "-m", f"storybook.{module}", *arguments], cwd=HERE, env=environment, stdout=log, stderr=subprocess.STDOUT)
            code = child.wait()
        if stopping or code:
            print(f"{time.strftime('%F %T')} {phase} {'stopped' if stopping else f'failed with {code}, see {phase}.log'}", flush=True)
            sys.exit(0 if stopping else code)
        open(done, "w").close()


if __name__ == "__main__":
    main()
