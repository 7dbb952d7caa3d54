/** Finds a Python that has PyTorch, diffusers and safetensors: the baseline of the benchmark, and the training recipe's tests. */
import { spawnSync } from 'node:child_process';

/** KINORA_PYTHON, else .venv/bin/python, python3 or python, whichever has the packages; null when none has. */
export function findPython() {
  const candidates = process.env.KINORA_PYTHON ? [process.env.KINORA_PYTHON] : ['.venv/bin/python', 'python3', 'python'];
  return (
    candidates.find(
      (name) => spawnSync(name, ['-c', 'import torch, diffusers, safetensors, transformers'], { stdio: 'ignore' }).status === 0,
    ) ?? null
  );
}
