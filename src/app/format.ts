const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** Bytes in words, decimal units as download sizes are usually given: `812 kB`, `38.1 MB`, `1.4 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${whole.format(bytes)} bytes`;
  if (bytes < 1e6) return `${whole.format(bytes / 1e3)} kB`;
  if (bytes < 1e9) return `${oneDigit.format(bytes / 1e6)} MB`;
  return `${oneDigit.format(bytes / 1e9)} GB`;
}

/** A length of time as people say it: `0.4 s`, `9 s`, `1 min 20 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return seconds < 0.05 ? '0 s' : `${oneDigit.format(seconds).replace('.0', '')} s`;
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded} s`;
  const minutes = Math.floor(rounded / 60);
  const rest = rounded % 60;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** What is left of a job, rounded up to whole seconds so that it never says 0 s while it still runs. */
export function formatRemaining(seconds: number): string {
  return `${formatSeconds(Math.max(1, Math.ceil(seconds)))} left`;
}

/** A list as English: `a`, `a and b`, `a, b and c`. */
export function formatList(items: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(items);
}

/** A file name from a prompt: lower case, words joined by hyphens, at most 60 characters, never empty. */
export function fileNameFor(prompt: string, seed: number, suffix: string, extension: string): string {
  const words = prompt
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, 60)
    .replace(/^-+|-+$/g, '');
  return `${words || 'kinora'}-${seed}${suffix}.${extension}`;
}
