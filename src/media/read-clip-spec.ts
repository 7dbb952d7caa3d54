import { KinoraError } from '../errors';
import { readGifComments } from './gif';
import { readPngComments } from './png-metadata';
import { readSpecFromMp4 } from './read-spec';
import { parseComment } from './spec-comment';

/** Stills and GIFs are read whole; Kinora's own are far smaller. */
const MAX_PICTURE_BYTES = 256 << 20;

/**
 * The spec in any file that Kinora writes (MP4 and MOV, WebM, GIF, PNG), whatever it is called; null where the file has none or a comment
 * of someone else's. Untrusted and not validated. Throws `invalid-file` for other kinds of files.
 */
export async function readClipSpec(file: Blob): Promise<unknown> {
  const head = new Uint8Array(await file.slice(0, 8).arrayBuffer().catch(unreadable));
  const starts = (...bytes: number[]) => bytes.every((byte, at) => head[at] === byte);
  if (starts(0x89, 0x50, 0x4e, 0x47)) return firstSpec(readPngComments(await wholeFile(file)));
  if (starts(0x47, 0x49, 0x46, 0x38)) return firstSpec(readGifComments(await wholeFile(file)));
  if (starts(0x1a, 0x45, 0xdf, 0xa3)) return firstSpec(await webmComments(file));
  return readSpecFromMp4(file);
}

function firstSpec(comments: readonly string[]): unknown {
  for (const comment of comments) {
    const spec = parseComment(comment);
    if (spec !== null) return spec;
  }
  return null;
}

async function wholeFile(file: Blob): Promise<Uint8Array> {
  if (file.size > MAX_PICTURE_BYTES)
    throw new KinoraError('invalid-file', 'This picture is too large to be Kinora’s.', 'Choose a file that Kinora made.');
  return new Uint8Array(await file.arrayBuffer().catch(unreadable));
}

async function webmComments(file: Blob): Promise<string[]> {
  const { ALL_FORMATS, BlobSource, Input } = await import('mediabunny');
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    const { comment } = await input.getMetadataTags();
    return comment ? [comment] : [];
  } catch (error) {
    throw new KinoraError('invalid-file', 'This video can’t be read.', 'It may be damaged: choose another.', { cause: error });
  } finally {
    input.dispose();
  }
}

function unreadable(cause: unknown): never {
  throw new KinoraError('invalid-file', 'This file can’t be read.', 'It may have been moved or changed: choose it again.', { cause });
}
