import { KinoraError } from '../errors';

const DEFAULT_HINT = "The model's files and its configuration do not belong together; load a matching set.";

/** The error for a network that does not fit its weights or its inputs. */
export function invalidGraph(message: string, hint: string = DEFAULT_HINT): KinoraError {
  return new KinoraError('invalid-graph', message, hint);
}
