import { describe, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { storybookBundles, storybookGoldens } from './node-storybook';
import { checkPipelineCase } from './pipeline-cases';
import { storybookCases } from './storybook-cases';

const { description, goldens } = await storybookGoldens();

const [bundle] = await storybookBundles();

// The loops would take minutes here: ort-pipeline.test.ts has them.
describe('storybook on the reference executor', () => {
  for (const storybookCase of storybookCases(bundle!, description, goldens).filter(({ isLoop }) => !isLoop))
    it(storybookCase.name, () => checkPipelineCase(storybookCase, createReferenceExecutor()));
});
