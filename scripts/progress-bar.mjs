/** A progress bar for terminals; a line now and then where the output is not one. */

const PHASES = {
  download: 'Downloading',
  load: 'Loading',
  'encode-prompt': 'Reading the prompt',
  denoise: 'Denoising',
  decode: 'Decoding',
  'encode-video': 'Encoding',
};
const WIDTH = 24;
const PLAIN_INTERVAL_MS = 5_000;

export class ProgressBar {
  #stream;
  #lastPhase = '';
  #lastNote = '';
  #lastMemoryBytes = 0;
  #lastPlainMs = -Infinity;
  #isShown = false;

  /** @param {{ isTTY?: boolean, columns?: number, write: (text: string) => unknown }} [stream] */
  constructor(stream = process.stderr) {
    this.#stream = stream;
  }

  /** Shows a progress report of the engine. */
  show(progress) {
    if (progress.note && progress.note !== this.#lastNote) this.say(progress.note);
    this.#lastNote = progress.note ?? this.#lastNote;
    if (progress.plannedMemoryBytes && progress.plannedMemoryBytes !== this.#lastMemoryBytes)
      this.say(`The whole job will take ${megabytes(progress.plannedMemoryBytes)} of graphics memory.`);
    this.#lastMemoryBytes = progress.plannedMemoryBytes ?? this.#lastMemoryBytes;
    const line = describe(progress);
    if (this.#stream.isTTY) {
      const columns = this.#stream.columns ?? 80;
      const full = Math.round(progress.fraction * WIDTH);
      const bar = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${String(Math.floor(progress.fraction * 100)).padStart(3)} %  `;
      this.#stream.write(`\r\x1b[2K${(bar + line).slice(0, columns - 1)}`);
      this.#isShown = true;
      return;
    }
    const now = Date.now();
    if (progress.phase === this.#lastPhase && now - this.#lastPlainMs < PLAIN_INTERVAL_MS) return;
    this.#lastPhase = progress.phase;
    this.#lastPlainMs = now;
    this.#stream.write(`${String(Math.floor(progress.fraction * 100)).padStart(3)} %  ${line}\n`);
  }

  /** Writes a line of its own. */
  say(text) {
    this.clear();
    this.#stream.write(`${text}\n`);
  }

  clear() {
    if (this.#isShown) this.#stream.write('\r\x1b[2K');
    this.#isShown = false;
  }
}

function describe({ phase, done, total, etaSeconds }) {
  const isBytes = phase === 'download' || phase === 'load';
  const amount = total === 0 ? '' : isBytes ? ` ${megabytes(done)} of ${megabytes(total)}` : ` ${done} of ${total}`;
  return `${PHASES[phase] ?? phase}${amount}${etaSeconds === null ? '' : `, about ${duration(etaSeconds)} left`}`;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function duration(seconds) {
  if (seconds < 1) return '1 s';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}
