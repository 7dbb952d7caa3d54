import { afterAll, describe, it } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { storybookModels } from './node-storybook';
import { checkPipelineCase, pipelineCases, umt5PromptCases } from './pipeline-cases';
import { storybookCases } from './storybook-cases';

const executor = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
const folder = nodeFixtures(fixturesFolder());
const cases = [
  ...(await pipelineCases(folder)),
  ...(await umt5PromptCases(folder)),
  ...(await storybookModels()).flatMap((model) => storybookCases(model)),
];
afterAll(() => executor.dispose());

describe('pipeline on ONNX Runtime (wasm, exact)', () => {
  for (const pipelineCase of cases) it(pipelineCase.name, () => checkPipelineCase(pipelineCase, executor));
});
