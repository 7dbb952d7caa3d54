import { describe, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { storybookModels } from './node-storybook';
import { checkPipelineCase } from './pipeline-cases';
import { storybookCases } from './storybook-cases';

const models = await storybookModels();

// The loops would take minutes here: ort-pipeline.test.ts has them.
describe('storybook on the reference executor', () => {
  for (const storybookCase of models.flatMap((model) => storybookCases(model)).filter(({ isLoop }) => !isLoop))
    it(storybookCase.name, () => checkPipelineCase(storybookCase, createReferenceExecutor()));
});
