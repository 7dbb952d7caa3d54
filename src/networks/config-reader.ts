import { KinoraError } from '../errors';

/** Reads a network's configuration file (JSON of unknown origin) key by key; every complaint names the key. */
export class ConfigReader {
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #name: string;

  constructor(name: string, json: unknown) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalidConfig(`${name} is not a JSON object.`);
    this.#json = json as Record<string, unknown>;
    this.#name = name;
  }

  positiveInteger(key: string): number {
    const value = this.#json[key];
    if (!isPositiveInteger(value)) throw this.wrong(key, 'a whole number above 0');
    return value;
  }

  positiveNumber(key: string): number {
    const value = this.#json[key];
    if (typeof value !== 'number' || !(value > 0)) throw this.wrong(key, 'a number above 0');
    return value;
  }

  /** A list of whole numbers above 0, of this length where one is given. */
  positiveIntegers(key: string, length?: number): readonly number[] {
    const value = this.#json[key];
    if (!isPositiveIntegers(value, length)) throw this.wrong(key, `${length ?? 'some'} whole numbers above 0`);
    return value;
  }

  /** A list of such lists, each of this length. */
  positiveIntegerLists(key: string, length: number): readonly (readonly number[])[] {
    const value = this.#json[key];
    if (!Array.isArray(value) || !value.every((item) => isPositiveIntegers(item, length)))
      throw this.wrong(key, `lists of ${length} whole numbers above 0`);
    return value;
  }

  text(key: string): string {
    const value = this.#json[key];
    if (typeof value !== 'string') throw this.wrong(key, 'a text');
    return value;
  }

  flag(key: string): boolean {
    const value = this.#json[key];
    if (typeof value !== 'boolean') throw this.wrong(key, 'true or false');
    return value;
  }

  /** A flag of configurations that know it: false where the key is absent or null. */
  optionalFlag(key: string): boolean {
    return (this.#json[key] ?? null) !== null && this.flag(key);
  }

  /** A list of one to `most` objects, each to be read in its turn. */
  objects(key: string, most: number): readonly ConfigReader[] {
    return this.#read(key, this.#json[key], 1, most);
  }

  /** A list of one to `most` lists, each of up to `most` objects. */
  objectLists(key: string, most: number): readonly (readonly ConfigReader[])[] {
    const value = this.#json[key];
    if (!Array.isArray(value) || value.length === 0 || value.length > most) throw this.wrong(key, `1 to ${most} lists`);
    return value.map((item: unknown) => this.#read(key, item, 0, most));
  }

  #read(key: string, value: unknown, least: number, most: number): readonly ConfigReader[] {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      throw this.wrong(key, `a list of ${least} to ${most} objects`);
    return value.map((item, index) => new ConfigReader(`${this.#name}, ${key} ${index}`, item));
  }

  /** Refuses a variant that the network's code does not have: the key, where it is there at all, must be one of `allowed`. */
  only(key: string, ...allowed: readonly unknown[]): void {
    const value = this.#json[key];
    if (value !== undefined && !allowed.includes(value)) throw this.wrong(key, allowed.map((item) => JSON.stringify(item)).join(' or '));
  }

  /** The error for a key whose value is not what is `wanted`, to throw. */
  wrong(key: string, wanted: string): KinoraError {
    return invalidConfig(`${this.#name}: "${key}" must be ${wanted}, not ${JSON.stringify(this.#json[key])?.slice(0, 60) ?? 'missing'}.`);
  }
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isPositiveIntegers(value: unknown, length: number | undefined): value is number[] {
  return Array.isArray(value) && (length === undefined || value.length === length) && value.every(isPositiveInteger);
}

function invalidConfig(message: string): KinoraError {
  return new KinoraError('invalid-file', message, 'Use a configuration file that belongs to a model of this family.');
}
