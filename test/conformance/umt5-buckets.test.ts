import { describe, expect, it } from 'vitest';
import { parseUmt5Config, relativePositionBucket, umt5Inputs } from '../../src/networks/umt5';
import { foldersWith, golden, readGoldens } from './fixture-folder';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';

const fixtures = nodeFixtures(fixturesFolder());
const folders = await foldersWith(fixtures, 'umt5', 'buckets.safetensors');

describe('relative position buckets', () => {
  it('has fixtures', () => expect(folders.length).toBeGreaterThan(0));

  it.each(folders)('%s', async (path) => {
    const { config: json } = (await fixtures.readJson(`${path}/config.json`)) as { config: unknown };
    const config = parseUmt5Config(json);
    const goldens = await readGoldens(fixtures, `${path}/buckets.safetensors`);
    const positions = [...golden(goldens, 'relative_position').data];
    expect(positions.map((position) => relativePositionBucket(position, config))).toEqual([...golden(goldens, 'bucket').data]);
    for (const [name, { shape, data }] of goldens)
      if (name.startsWith('matrix_')) expect([...umt5Inputs(config, new Array<number>(shape[0]!).fill(0)).buckets]).toEqual([...data]);
  });
});
