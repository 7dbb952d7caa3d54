/** Text to token ids. `content` has no special tokens but those that stand in the text; `wrap` adds the model's own round it. */
export interface Tokenizer {
  content(text: string): number[];
  wrap(content: readonly number[]): number[];
}
