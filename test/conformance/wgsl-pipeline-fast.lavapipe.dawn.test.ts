import { onDriver } from '../dawn/on-driver';
import { fastChoices } from './fast-choices';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { PACKED_WEIGHTS_FAST, packedStorybook } from './node-storybook';
import { pipelineCases, umt5PromptCases } from './pipeline-cases';
import { storybookCases } from './storybook-cases';
import { wgslPipelineSuite } from './wgsl-pipeline-suite';

// `fast` as hardware runs it. The pipeline's own fixtures have f32 weights, the bundled model Q8_0, UMT5's file some of everything.
await onDriver('lavapipe', async () => {
  const folder = nodeFixtures(fixturesFolder());
  const packed = await packedStorybook();
  const storybook = { ...packed, bundle: { ...packed.bundle, tolerances: PACKED_WEIGHTS_FAST } };
  // All steps with a given frame; without one, the error budget makes a clip of (wgsl-budget).
  const clips = storybookCases(storybook).filter(({ isLoop, name }) => !isLoop || name.includes('i2v'));
  const prompts = await umt5PromptCases(folder);
  await wgslPipelineSuite([...(await pipelineCases(folder)), ...prompts], {
    software: false,
    arithmetic: 'f16',
    choices: fastChoices({ int8: false }),
  });
  await wgslPipelineSuite([...prompts, ...clips], {
    software: false,
    arithmetic: 'int8',
    choices: fastChoices({ int8: true }),
  });
});
