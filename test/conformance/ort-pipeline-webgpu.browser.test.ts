import { afterAll, describe, it } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import { browserFixtures } from './browser-fixtures';
import { checkPipelineCase, pipelineCases } from './pipeline-cases';

const executor = await createOrtExecutor({ provider: 'webgpu', precision: 'exact' });
const cases = await pipelineCases(browserFixtures());
afterAll(() => executor.dispose());

describe('pipeline on ONNX Runtime (webgpu, exact)', () => {
  for (const pipelineCase of cases) it(pipelineCase.name, () => checkPipelineCase(pipelineCase, executor));
});
