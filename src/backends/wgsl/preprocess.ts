import { KinoraError } from '../../errors';

/** What a kernel is specialised by: `true` switches an `#if` on, numbers and strings replace `{{NAME}}`. */
export type Defines = Readonly<Record<string, boolean | number | string>>;

/**
 * Specialises a kernel: lines between `#if NAME` and `#endif` (with an optional `#else`) stay when NAME is defined and not
 * false; `{{NAME}}` becomes its value. Throws `internal` on an unknown constant or unbalanced conditions: a kernel's mistake.
 */
export function preprocess(source: string, defines: Defines): string {
  const lines: string[] = [];
  const conditions: { taken: boolean; other: boolean }[] = [];
  for (const line of source.split('\n')) {
    const directive = /^#(if|else|endif)(?:\s+(\w+))?\s*$/.exec(line.trim());
    if (!directive) {
      if (conditions.every(({ taken }) => taken)) lines.push(substitute(line, defines));
    } else if (directive[1] === 'if') {
      const on = Boolean(defines[directive[2] ?? '']);
      conditions.push({ taken: on, other: !on });
    } else {
      const open = conditions.pop();
      if (!open) throw broken(`#${directive[1]} without #if`);
      if (directive[1] === 'else') conditions.push({ taken: open.other, other: false });
    }
  }
  if (conditions.length > 0) throw broken('#if without #endif');
  return lines.join('\n');
}

function substitute(line: string, defines: Defines): string {
  return line.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = defines[name];
    if (value === undefined || typeof value === 'boolean') throw broken(`{{${name}}} has no value`);
    return String(value);
  });
}

function broken(reason: string): KinoraError {
  return new KinoraError('internal', `A GPU kernel cannot be specialised: ${reason}.`, 'This is a defect in Kinora; please report it.');
}
