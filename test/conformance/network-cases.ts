import type { Executor } from '../../src/graph/executor';
import { describeComparison, TOLERANCES, type Arithmetic, type Comparison } from './comparison';
import { ggufFileCases, safetensorsFileCases } from './file-cases';
import type { FixtureFolder } from './fixture-folder';
import { miniLmCases, type MiniLmFile } from './minilm-cases';
import type { NetworkCase } from './network-case';
import { taewCases } from './taew-cases';
import { umt5Cases } from './umt5-cases';
import { wanCases } from './wan-cases';

/**
 * Every network comparison that a fixtures folder holds, found by listing it; the same on every executor and in
 * every environment. Throws when an area has none: a suite that finds nothing must not pass.
 */
export async function networkCases(folder: FixtureFolder, miniLm: MiniLmFile): Promise<NetworkCase[]> {
  const areas: Record<string, NetworkCase[]> = {
    'wan-transformer': await wanCases(folder),
    umt5: await umt5Cases(folder),
    bert: await miniLmCases(folder, miniLm),
    taew: await taewCases(folder),
    'gguf-file': await ggufFileCases(folder),
    'safetensors-file': await safetensorsFileCases(folder),
  };
  for (const [area, cases] of Object.entries(areas))
    if (cases.length === 0) throw new Error(`There are no network fixtures under ${area}.`);
  return Object.values(areas).flat();
}

/**
 * Of cases that differ in names, layouts and types of files only, one, and of prompts two: what they come to is the same graph, as the executors that
 * run all of them show. For a second driver, and for where compiling takes longer than running.
 */
export function isOneOfEach({ name }: NetworkCase): boolean {
  return /wan-transformer.*diffusers|umt5\/weights\.hf|bert, prompt [12] |taew\/taew2_[12], /.test(name);
}

/** Runs a case; throws with a line per comparison when any is out of its tolerance. `arithmetic` chooses the tolerances. */
export async function checkNetworkCase(
  networkCase: NetworkCase,
  executor: Executor,
  arithmetic: Arithmetic = 'f32',
): Promise<Comparison[]> {
  const comparisons = await networkCase.run(executor, TOLERANCES[arithmetic]);
  if (comparisons.length === 0) throw new Error(`${networkCase.name} compared nothing.`);
  if (comparisons.some(({ passed }) => !passed))
    throw new Error(`${networkCase.name} on ${executor.plan.backend}:\n${comparisons.map(describeComparison).join('\n')}`);
  return comparisons;
}
