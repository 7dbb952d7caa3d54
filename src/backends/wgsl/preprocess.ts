import { KinoraError } from '../../errors';

/** What a kernel is specialised by: `true` switches an `#if` on, numbers and strings replace `{{NAME}}`. */
export type Defines = Readonly<Record<string, boolean | number | string>>;

/**
 * Specialises a kernel. Lines between `#if NAME` and `#endif` (with an optional `#else`) stay when NAME is defined and not false.
 * Lines between `#repeat i COUNT` and `#end` are repeated with `$i` = 0, 1, …; COUNT is a number or a constant's name: register tiles
 * are spelled out, since indexed private arrays land in memory on many adapters (7 times slower on SwiftShader). `{{NAME}}` becomes a
 * constant's value, `$(a*NAME+b)` a sum of products of numbers and constants. HALF and SUBGROUPS enable WGSL's extensions. Throws `internal` on an unknown constant or unbalanced blocks: a kernel's mistake.
 */
export function preprocess(source: string, defines: Defines): string {
  const lines: string[] = [];
  const rest = expand(source.split('\n'), 0, lines, defines);
  if (rest !== undefined) throw broken(`${rest.word} without its beginning`);
  // WGSL wants its enable directives before all else.
  const enables = [...(defines['HALF'] ? ['enable f16;'] : []), ...(defines['SUBGROUPS'] ? ['enable subgroups;'] : [])];
  return [...enables, ...lines.map((line) => substitute(line, defines))].join('\n');
}

interface Directive {
  readonly word: string;
  /** Index of the line behind the directive. */
  readonly next: number;
}

/** Appends what lines from `at` on become; returns the directive that ends them: `#else`, `#endif` or `#end`, or undefined at the end. */
function expand(lines: readonly string[], at: number, into: string[], defines: Defines): Directive | undefined {
  while (at < lines.length) {
    const directive = /^\s*#(if|else|endif|repeat|end)\b\s*(.*?)\s*$/.exec(lines[at]!);
    if (!directive) into.push(lines[at++]!);
    else if (directive[1] === 'if') {
      const on = Boolean(defines[directive[2]!]);
      let end = expand(lines, at + 1, on ? into : [], defines);
      if (end?.word === 'else') end = expand(lines, end.next, on ? [] : into, defines);
      if (end?.word !== 'endif') throw broken('#if without #endif');
      at = end.next;
    } else if (directive[1] === 'repeat') {
      const [name = '', count = ''] = directive[2]!.split(/\s+/);
      const body: string[] = [];
      const end = expand(lines, at + 1, body, defines);
      if (end?.word !== 'end') throw broken('#repeat without #end');
      const times = Number(defines[count] ?? count);
      if (!Number.isInteger(times)) throw broken(`#repeat ${name} ${count} has no count`);
      const variable = new RegExp(`\\$${name}(?![a-zA-Z])`, 'g');
      for (let turn = 0; turn < times; turn++) into.push(...body.map((line) => line.replace(variable, String(turn))));
      at = end.next;
    } else return { word: directive[1]!, next: at + 1 };
  }
  return undefined;
}

function substitute(line: string, defines: Defines): string {
  const valueOf = (name: string) => {
    const value = defines[name];
    if (value === undefined || typeof value === 'boolean') throw broken(`${name} has no value`);
    return String(value);
  };
  const factor = (word: string) => Number(/^\d+$/.test(word) ? word : valueOf(word));
  const sum = (text: string) =>
    text.split('+').reduce((total, term) => total + term.split('*').reduce((product, word) => product * factor(word), 1), 0);
  return line
    .replace(/\$\(([\w+*]+)\)/g, (_, text: string) => String(sum(text)))
    .replace(/\{\{(\w+)\}\}/g, (_, name: string) => valueOf(name));
}

function broken(reason: string): KinoraError {
  return new KinoraError('internal', `A GPU kernel cannot be specialised: ${reason}.`, 'This is a defect in Kinora; please report it.');
}
