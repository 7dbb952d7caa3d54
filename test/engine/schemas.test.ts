import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { KinoraError } from '../../src/errors';
import { parsePlan } from '../../src/engine/report';
import { schemaDocuments, toJsonSchema } from '../../scripts/write-schemas';

const executor = {
  backend: 'ort-wasm',
  build: 'onnxruntime-web 1.30.0 wasm',
  precision: 'exact',
  threads: 2,
  adapter: null,
  variants: { linear: 'f32' },
};
const plan = {
  requested: { backend: 'auto', precision: 'exact' },
  reason: 'It is.',
  textEncoder: executor,
  transformer: executor,
  autoencoder: executor,
};

describe('the JSON Schemas in docs/', () => {
  it.each(Object.entries(schemaDocuments()))(
    '%s says what the engine validates (else run npx tsx scripts/write-schemas.ts)',
    (name, text) => {
      expect(readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')).toBe(text);
    },
  );

  it('are written in the schema’s own words', () => {
    const schema = v.object({
      kind: v.literal('a'),
      size: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.description('Pixels.')),
      name: v.nullable(v.string()),
      tags: v.record(v.string(), v.union([v.string(), v.boolean()])),
    });
    expect(toJsonSchema(schema)).toEqual({
      type: 'object',
      properties: {
        kind: { const: 'a' },
        size: { type: 'integer', maximum: Number.MAX_SAFE_INTEGER, minimum: 1, description: 'Pixels.' },
        name: { type: ['string', 'null'] },
        tags: { type: 'object', additionalProperties: { anyOf: [{ type: 'string' }, { type: 'boolean' }] } },
      },
      required: ['kind', 'size', 'name', 'tags'],
    });
    expect(() => toJsonSchema(v.date())).toThrow('date');
  });
});

describe('a plan', () => {
  it('is read from a report or by itself', () => {
    expect(parsePlan(plan)).toEqual(plan);
    expect(parsePlan({ version: 1, plan })).toEqual(plan);
  });

  it.each([
    null,
    5,
    'plan',
    {},
    { plan: null },
    { ...plan, reason: 5 },
    { ...plan, transformer: { ...executor, threads: 0 } },
    { ...plan, autoencoder: undefined },
  ])('is not %j', (json) => {
    expect(() => parsePlan(json)).toThrow(KinoraError);
  });
});
