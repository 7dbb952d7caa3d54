import { KinoraError } from '../../../errors';

/** One way to run a kernel: the size of its tiles, its arithmetic. Its name says what it is, and is what plans and caches hold. */
export interface Configuration {
  readonly name: string;
}

/** Of kernel classes (`gemm.i8.many`, `attention.128`), the names of the configurations to use; all others run their defaults. */
export type KernelChoices = Readonly<Record<string, string>>;

/** Which configuration a kernel runs in, and which it could: the default is the first. */
export interface KernelTuning {
  readonly key: string;
  readonly configuration: string;
  readonly alternatives: readonly string[];
}

/** The configuration of a class: the chosen one, else the first. Throws `unsupported` when the chosen one does not exist on this device. */
export function choose<C extends Configuration>(
  key: string,
  configurations: readonly C[],
  choices: KernelChoices,
): { readonly configuration: C; readonly tuning: KernelTuning } {
  const wanted = choices[key];
  const configuration = wanted === undefined ? configurations[0] : configurations.find(({ name }) => name === wanted);
  if (!configuration)
    throw new KinoraError(
      'unsupported',
      `The kernel ${key} has no configuration “${String(wanted).slice(0, 60)}” on this device.`,
      'Leave the plan out, or tune again.',
    );
  return { configuration, tuning: { key, configuration: configuration.name, alternatives: configurations.map(({ name }) => name) } };
}
