import { describe, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { checkPipelineCase, pipelineCases } from './pipeline-cases';

const cases = await pipelineCases(nodeFixtures(fixturesFolder()));

describe('pipeline on the reference executor', () => {
  for (const pipelineCase of cases) it(pipelineCase.name, () => checkPipelineCase(pipelineCase, createReferenceExecutor()));
});
