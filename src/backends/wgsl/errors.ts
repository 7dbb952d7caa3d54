import { KinoraError } from '../../errors';

/** The GPU has no room, or none in one piece. */
export function outOfMemory(message: string, cause?: string): KinoraError {
  return new KinoraError('out-of-memory', message, 'Choose a smaller or shorter clip, or another backend.', { cause });
}

/** Something that cannot be divided is over one of the device's limits. */
export function overLimit(what: string, sizeBytes: number, limitBytes: number): KinoraError {
  return outOfMemory(`${what} needs ${sizeBytes} bytes of GPU memory in one piece; this GPU allows ${limitBytes}.`);
}
