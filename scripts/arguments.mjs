/** Reads command lines: named flags with typed values, and positional words. Mistakes are `UsageError`s in one sentence. */

export class UsageError extends Error {}

/**
 * `flags` maps a name to { kind: 'text' | 'whole' | 'number' | 'choice' | 'switch', min?, max?, choices?, value?, help }.
 * Accepts `--name value` and `--name=value`; `--` ends the flags. Returns { values, words }.
 */
export function readArguments(args, flags) {
  const values = {};
  const words = [];
  for (let index = 0; index < args.length; index++) {
    const argument = args[index];
    if (argument === '--') {
      words.push(...args.slice(index + 1));
      break;
    }
    if (!argument.startsWith('--')) {
      if (/^-[a-zA-Z]/.test(argument)) throw new UsageError(`There is no flag ${argument}; flags begin with two dashes.`);
      words.push(argument);
      continue;
    }
    const [, name, inline] = /^--([^=]*)(?:=(.*))?$/s.exec(argument);
    const flag = Object.hasOwn(flags, name) ? flags[name] : null;
    if (!flag) throw new UsageError(`There is no flag --${name}.${suggest(name, Object.keys(flags))}`);
    if (name in values) throw new UsageError(`--${name} is given twice.`);
    if (flag.kind === 'switch') {
      if (inline !== undefined) throw new UsageError(`--${name} takes no value.`);
      values[name] = true;
      continue;
    }
    const text = inline ?? args[++index];
    if (text === undefined || (inline === undefined && text.startsWith('--'))) throw new UsageError(`--${name} needs a value.`);
    values[name] = readValue(name, flag, text);
  }
  return { values, words };
}

function readValue(name, flag, text) {
  if (flag.kind === 'choice') {
    if (!flag.choices.includes(text)) throw new UsageError(`--${name} must be one of ${flag.choices.join(', ')}, not “${text}”.`);
    return text;
  }
  if (flag.kind === 'text') {
    if (text === '' && !flag.mayBeEmpty) throw new UsageError(`--${name} needs a value.`);
    return text;
  }
  const { min = -Infinity, max = Infinity } = flag;
  const number = text.trim() === '' ? NaN : Number(text);
  const isWhole = flag.kind === 'whole';
  if (!Number.isFinite(number) || (isWhole && !Number.isSafeInteger(number)) || number < min || number > max)
    throw new UsageError(`--${name} must be a ${isWhole ? 'whole ' : ''}number${rangeWords(min, max)}, not “${text}”.`);
  return number;
}

function rangeWords(min, max) {
  if (min === -Infinity) return max === Infinity ? '' : ` up to ${max}`;
  return max === Infinity ? ` from ${min} up` : ` from ${min} to ${max}`;
}

function suggest(name, known) {
  const close = known.map((candidate) => [editDistance(name, candidate), candidate]).sort((a, b) => a[0] - b[0])[0];
  return close && close[0] <= 2 ? ` Did you mean --${close[1]}?` : ' --help lists them.';
}

/** Levenshtein distance. */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

/** The flags as lines of help. */
export function describeFlags(flags) {
  const left = Object.entries(flags).map(([name, flag]) => {
    if (flag.kind === 'switch') return `--${name}`;
    return `--${name} ${flag.kind === 'choice' ? flag.choices.join('|') : (flag.value ?? 'N')}`;
  });
  const width = Math.max(...left.map((text) => text.length));
  return Object.values(flags)
    .map((flag, index) => `  ${left[index].padEnd(width)}  ${flag.help}`)
    .join('\n');
}
