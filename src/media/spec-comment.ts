import { KinoraError } from '../errors';

/** IPTC NewsCodes, Digital Source Type: created by a model trained on captured content. */
export const DIGITAL_SOURCE_TYPE = 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia';

/** Names the comment as ours, and the tool that made the clip. */
export const GENERATOR = 'Kinora';

/** Longest comment that is written or read, in UTF-8 bytes. A spec is well under 10 kB; a file from elsewhere may hold anything. */
export const MAX_COMMENT_BYTES = 256 * 1024;

/**
 * The text of a clip's comment: the spec's own fields as JSON, and beside them `generator` and `digitalSourceType`, so that the mark
 * that a machine made it survives a remux as the spec does. Without the spec only the mark is left.
 *
 * Throws `invalid-spec` for a spec that is not a JSON object or is too large.
 */
export function composeComment(spec: unknown, includeSpec: boolean): string {
  const mark = { generator: GENERATOR, digitalSourceType: DIGITAL_SOURCE_TYPE };
  if (!includeSpec) return JSON.stringify(mark);
  if (!isRecord(spec)) throw unfit('is not an object');
  let comment: string;
  try {
    comment = JSON.stringify({ ...spec, ...mark });
  } catch (error) {
    throw unfit("can't be written as JSON", error);
  }
  if (new TextEncoder().encode(comment).length > MAX_COMMENT_BYTES) throw unfit(`is longer than ${MAX_COMMENT_BYTES} bytes`);
  return comment;
}

/**
 * The spec in a comment, without our own marks and not validated; null where the comment is someone else's, holds no spec, or is too
 * long.
 */
export function parseComment(comment: string): unknown {
  if (comment.length > MAX_COMMENT_BYTES) return null;
  let value: unknown;
  try {
    value = JSON.parse(comment);
  } catch {
    return null; // a comment in someone's own words
  }
  if (!isRecord(value) || value.generator !== GENERATOR) return null;
  const { generator: _generator, digitalSourceType: _mark, ...spec } = value;
  return Object.keys(spec).length > 0 ? spec : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unfit(problem: string, cause?: unknown): KinoraError {
  return new KinoraError('invalid-spec', `The spec of this clip ${problem}.`, 'Leave it out of the file, or shorten it.', { cause });
}
