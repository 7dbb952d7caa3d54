/**
 * Writes docs/spec.schema.json and docs/report.schema.json from the valibot schemas that the engine validates with:
 * `npx tsx scripts/write-schemas.ts`. A test fails when the files and the schemas differ.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { reportSchema } from '../src/engine/report.ts';
import { specSchema, WIDEST_LIMITS } from '../src/engine/spec.ts';

type Json = { [key: string]: unknown };
type AnySchema = v.GenericSchema & { readonly [key: string]: unknown };

/** The part of JSON Schema 2020-12 that Kinora's formats need. Throws on anything that it can't express. */
export function toJsonSchema(schema: v.GenericSchema): Json {
  const { pipe } = schema as AnySchema;
  if (!Array.isArray(pipe)) return typeSchema(schema as AnySchema);
  const json = typeSchema(pipe[0]);
  for (const action of pipe.slice(1)) Object.assign(json, actionKeywords(action, json));
  return json;
}

function typeSchema(schema: AnySchema): Json {
  const part = (key: string) => toJsonSchema(schema[key] as v.GenericSchema);
  switch (schema.type) {
    case 'string':
    case 'number':
    case 'boolean':
      return { type: schema.type };
    case 'literal':
      return { const: schema['literal'] };
    case 'picklist':
      return { enum: schema['options'] };
    case 'nullable': {
      const wrapped = part('wrapped');
      return { ...wrapped, type: [wrapped['type'], 'null'] };
    }
    case 'optional':
      return part('wrapped');
    case 'array':
      return { type: 'array', items: part('item') };
    case 'record':
      return { type: 'object', additionalProperties: part('value') };
    case 'union':
      return { anyOf: (schema['options'] as v.GenericSchema[]).map(toJsonSchema) };
    case 'object':
    case 'strict_object': {
      const entries = Object.entries(schema['entries'] as Record<string, v.GenericSchema>);
      return {
        type: 'object',
        properties: Object.fromEntries(entries.map(([name, entry]) => [name, toJsonSchema(entry)])),
        required: entries.filter(([, entry]) => entry.type !== 'optional').map(([name]) => name),
        ...(schema.type === 'strict_object' ? { additionalProperties: false } : {}),
      };
    }
    default:
      throw new Error(`No JSON Schema for the valibot type ${schema.type}.`);
  }
}

function actionKeywords(action: AnySchema, json: Json): Json {
  switch (action.type as string) {
    case 'min_value':
      return { minimum: action['requirement'] };
    case 'max_value':
      return { maximum: action['requirement'] };
    case 'safe_integer':
      return { type: 'integer', maximum: json['maximum'] ?? Number.MAX_SAFE_INTEGER };
    case 'regex':
      return { pattern: (action['requirement'] as RegExp).source };
    case 'title':
      return { title: action['title'] };
    case 'description':
      return { description: action['description'] };
    case 'metadata':
      return action['metadata'] as Json;
    case 'check':
      return {};
    default:
      throw new Error(`No JSON Schema for the valibot action ${String(action.type)}.`);
  }
}

/** The documents, by file name in docs/. */
export function schemaDocuments(): Record<string, string> {
  const write = (schema: v.GenericSchema) =>
    `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...toJsonSchema(schema) }, null, 2)}\n`;
  return { 'spec.schema.json': write(specSchema(WIDEST_LIMITS)), 'report.schema.json': write(reportSchema) };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [name, text] of Object.entries(schemaDocuments())) writeFileSync(new URL(`../docs/${name}`, import.meta.url), text);
