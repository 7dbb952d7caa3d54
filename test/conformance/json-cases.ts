import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The fixtures folder: `KINORA_FIXTURES`, which the `fixtures` project sets to test/fixtures unless it is given. */
export function fixturesFolder(): string {
  const folder = process.env.KINORA_FIXTURES;
  if (!folder) throw new Error('KINORA_FIXTURES is not set; run these tests as the vitest project "fixtures".');
  return folder;
}

export interface JsonCase<T> {
  /** Path inside the fixtures folder, for the test's name. */
  readonly name: string;
  /** The folder that holds the file. */
  readonly folder: string;
  readonly json: T;
}

/** Every JSON file under an area of the fixtures that has all of these top-level fields. Throws when there is none: a suite that finds nothing must not pass. */
export function findJson<T>(area: string, ...fields: readonly (keyof T & string)[]): JsonCase<T>[] {
  const root = join(fixturesFolder(), area);
  const found = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { name: relative(fixturesFolder(), path), folder: entry.parentPath, json: JSON.parse(readFileSync(path, 'utf8')) as T };
    })
    .filter(({ json }) => typeof json === 'object' && json !== null && fields.every((field) => Object.hasOwn(json, field)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (found.length === 0) throw new Error(`No JSON file with ${fields.join(', ')} under ${root}.`);
  return found;
}

/** Largest absolute difference; throws when the lengths differ. */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values against ${expected.length}.`);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= worst)) worst = difference; // NaN counts as the worst
  }
  return worst;
}
