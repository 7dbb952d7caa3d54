import { onDriver } from '../dawn/on-driver';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { pipelineCases, umt5PromptCases } from './pipeline-cases';
import { wgslPipelineSuite } from './wgsl-pipeline-suite';

await onDriver('swiftshader', async () => {
  const folder = nodeFixtures(fixturesFolder());
  await wgslPipelineSuite([...(await pipelineCases(folder)), ...(await umt5PromptCases(folder))]);
});
