import { afterAll, describe, it } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { storybookBundles, storybookGoldens } from './node-storybook';
import { checkPipelineCase, pipelineCases, umt5PromptCases } from './pipeline-cases';
import { storybookCases } from './storybook-cases';

const executor = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
const { description, goldens } = await storybookGoldens();
const folder = nodeFixtures(fixturesFolder());
const cases = [
  ...(await pipelineCases(folder)),
  ...(await umt5PromptCases(folder)),
  ...(await storybookBundles()).flatMap((bundle) => storybookCases(bundle, description, goldens)),
];
afterAll(() => executor.dispose());

describe('pipeline on ONNX Runtime (wasm, exact)', () => {
  for (const pipelineCase of cases) it(pipelineCase.name, () => checkPipelineCase(pipelineCase, executor));
});
