/** Stable identifiers of everything that can go wrong; a caller may switch on them. */
export const ERROR_CODES = [
  'invalid-spec', // a value out of range, an unknown model, an impossible frame count
  'invalid-file', // a malformed or unsupported GGUF, safetensors, JSON or MP4 file
  'invalid-graph', // a network that does not fit its weights or its inputs
  'unsupported', // this browser lacks something the request needs
  'no-encoder', // no video codec can be encoded here
  'network', // a download failed or went away
  'corrupt-weights', // bytes do not match their hash, even when fetched again
  'storage-full', // not enough room on the device
  'storage-unavailable', // IndexedDB refuses to open or to write
  'busy', // another tab or job holds what is needed
  'device-lost', // the GPU device went away
  'out-of-memory', // an allocation failed
  'aborted', // the caller asked to stop
  'internal', // a defect in Kinora
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** The JSON form of an error, as it crosses a worker boundary or lands in a report. */
export interface ErrorRecord {
  code: ErrorCode;
  message: string;
  hint: string;
  cause?: string;
}

/**
 * The one error type of Kinora: a stable `code`, one sentence for the user (`message`), and what to do
 * about it (`hint`). The original failure, if any, is in `cause`.
 */
export class KinoraError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, hint: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KinoraError';
    this.code = code;
    this.hint = hint;
  }

  toRecord(): ErrorRecord {
    return {
      code: this.code,
      message: this.message,
      hint: this.hint,
      ...(this.cause === undefined ? {} : { cause: describeCause(this.cause) }),
    };
  }

  static fromRecord(record: ErrorRecord): KinoraError {
    return new KinoraError(record.code, record.message, record.hint, record.cause ? { cause: record.cause } : undefined);
  }
}

/** Any thrown value as a KinoraError: itself if it is one already, else `internal` (or `aborted` for an AbortError). */
export function toKinoraError(thrown: unknown): KinoraError {
  if (thrown instanceof KinoraError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError')
    return new KinoraError('aborted', 'Stopped.', 'Start again whenever you like.', { cause: thrown });
  return new KinoraError(
    'internal',
    'Something inside Kinora failed.',
    'Reload the page and try again; if it happens again, report the details.',
    { cause: thrown },
  );
}

/** Throws `aborted` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new KinoraError('aborted', 'Stopped.', 'Start again whenever you like.', { cause: signal.reason });
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
}
