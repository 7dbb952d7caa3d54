import { KinoraError, toKinoraError } from '../../errors';

/** A defect in the lowering or in how it is used. */
export function internalError(message: string): KinoraError {
  return new KinoraError('internal', message, 'This is a defect in Kinora; please report it.');
}

export function deviceLost(cause: unknown): KinoraError {
  return new KinoraError(
    'device-lost',
    'The graphics device went away.',
    'Kinora can start again from the last finished step; if it keeps happening, choose the CPU.',
    {
      cause,
    },
  );
}

/** What ONNX Runtime, its WebAssembly heap and WebGPU say when there is no room: none has an error type for it. */
const OUT_OF_MEMORY =
  /out of memory|\boom\b|bad_alloc|allocation failed|failed to allocate|cannot allocate|could not allocate|SafeIntOnOverflow|tensor shape is too large|invalid (typed )?array(buffer)? length/i;

/** Any failure of ONNX Runtime as a KinoraError: `out-of-memory` where it ran out, else `internal` with its message as the cause. */
export function runtimeError(thrown: unknown): KinoraError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (!(thrown instanceof KinoraError) && OUT_OF_MEMORY.test(message))
    return new KinoraError(
      'out-of-memory',
      'There is not enough memory for this.',
      'Choose fewer frames or a smaller size, or close other tabs.',
      { cause: thrown },
    );
  return toKinoraError(thrown);
}
