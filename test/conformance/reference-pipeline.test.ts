import { describe, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { checkPipelineCase, pipelineCases, umt5PromptCases } from './pipeline-cases';

const folder = nodeFixtures(fixturesFolder());
const cases = [...(await pipelineCases(folder)), ...(await umt5PromptCases(folder))];

describe('pipeline on the reference executor', () => {
  for (const pipelineCase of cases) it(pipelineCase.name, () => checkPipelineCase(pipelineCase, createReferenceExecutor()));
});
