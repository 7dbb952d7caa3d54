/** An error of the engine, or of the browser around it. */
export class EngineFailure extends Error {
  constructor({ code, message, hint = '', cause }) {
    super(message, { cause });
    this.code = code;
    this.hint = hint;
  }
}
