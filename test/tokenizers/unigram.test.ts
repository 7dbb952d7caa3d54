import { describe, expect, it } from 'vitest';
import { fitPrompt } from '../../src/tokenizers/fit-prompt';
import { PrecompiledMap } from '../../src/tokenizers/precompiled-map';
import type { Tokenizer } from '../../src/tokenizers/types';
import { createUnigram, type UnigramParts } from '../../src/tokenizers/unigram';
import { createUnigramFromGguf } from '../../src/tokenizers/unigram-gguf';
import { createUnigramFromJson } from '../../src/tokenizers/unigram-json';
import { UnigramModel } from '../../src/tokenizers/unigram-model';
import { createWordPiece } from '../../src/tokenizers/wordpiece';

const BYTES = Array.from({ length: 256 }, (_, byte): [string, number] => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 0]);
const PIECES: [string, number][] = [
  ['<pad>', 0],
  ['</s>', 0],
  ['<unk>', 0],
  ['▁', -2],
  ['▁fo', -3],
  ['▁fox', -4],
  ['x', -2],
  ['f', -5],
  ['o', -5],
  ['▁a', -3],
  ['🦊', -6],
  ...BYTES,
];
const byte = (value: number): number => 11 + value;
const PARTS: UnigramParts = {
  pieces: PIECES,
  unknownId: 2,
  byteFallback: true,
  charsMap: null,
  collapsesSpaces: true,
  splitsAtWhitespace: false,
  added: [{ content: '</s>', id: 1 }],
  before: [],
  after: [1],
};
const tokenizer = createUnigram(PARTS);

describe('UnigramModel', () => {
  it('takes the segmentation with the greatest sum, the one whose last piece is longer where two are equal', () => {
    const model = (pieces: [string, number][]) => new UnigramModel([['<unk>', 0], ...pieces], 0, false);
    expect(
      model([
        ['ab', -3],
        ['a', -1],
        ['b', -1],
      ]).encode('ab'),
    ).toEqual([2, 3]);
    expect(
      model([
        ['ab', -1],
        ['a', -1],
        ['b', -1],
      ]).encode('ab'),
    ).toEqual([1]);
    // a+bc and ab+c are equal: the path that reached the end first, from the earlier piece, stays.
    expect(
      model([
        ['ab', -1],
        ['c', -1],
        ['a', -1],
        ['bc', -1],
      ]).encode('abc'),
    ).toEqual([3, 4]);
  });

  it('joins unknown characters, and spells them in bytes where it can', () => {
    expect(new UnigramModel(PIECES, 2, true).encode('é')).toEqual([byte(0xc3), byte(0xa9)]);
    expect(new UnigramModel(PIECES, 2, false).encode('éüx')).toEqual([2, 6]);
    expect(new UnigramModel(PIECES.slice(0, 20), 2, true).encode('é')).toEqual([2]);
  });

  it('steps over characters beyond U+FFFF whole', () => {
    expect(new UnigramModel(PIECES, 2, true).encode('🦊x')).toEqual([10, 6]);
    expect(new UnigramModel(PIECES, 2, true).encode('🦉')).toEqual([byte(0xf0), byte(0x9f), byte(0xa6), byte(0x89)]);
  });
});

describe('createUnigram', () => {
  it('puts a metaspace before every word', () => {
    expect(tokenizer.wrap(tokenizer.content('a  fox'))).toEqual([9, 5, 1]);
    expect(tokenizer.content('')).toEqual([]);
    expect(tokenizer.content(' ')).toEqual([3]);
  });

  it('keeps no token for spaces at the ends where it splits at white space', () => {
    const split = createUnigram({ ...PARTS, splitsAtWhitespace: true });
    expect(split.content(' a\u2003fox ')).toEqual([9, 5]);
  });

  it('recognises special tokens in the text', () => {
    expect(tokenizer.content('a</s>fox')).toEqual([9, 1, 5]);
  });

  it('takes lone surrogates as replacement characters', () => {
    expect(tokenizer.content('\ud83e')).toEqual([3, byte(0xef), byte(0xbf), byte(0xbd)]);
  });
});

describe('PrecompiledMap', () => {
  it('refuses a blob whose sizes do not fit', () => {
    for (const blob of [[], [1, 2], [0, 0, 0, 0], [6, 0, 0, 0, 1, 2, 3, 4, 5, 6], [8, 0, 0, 0, 1, 2, 3, 4]])
      expect(() => new PrecompiledMap(Uint8Array.from(blob))).toThrow(/damaged/);
  });

  it('leaves text alone where a trie has no rules', () => {
    expect(new PrecompiledMap(Uint8Array.from([4, 0, 0, 0, 0, 0, 0, 0])).normalize('a é 🦊')).toBe('a é 🦊');
  });
});

describe('tokenizer files', () => {
  it('refuses layouts that are not understood, naming the part', () => {
    expect(() => createUnigramFromJson({})).toThrow(/added_tokens/);
    expect(() => createUnigramFromJson(null)).toThrow(/cannot be used/);
    expect(() => createWordPiece({ model: { type: 'BPE' } })).toThrow(/its model is BPE/);
    expect(() => createWordPiece({ model: { type: 'WordPiece' } })).toThrow(/malformed/);
  });

  it('reads the tokenizer that a GGUF file embeds', () => {
    const metadata = new Map<string, unknown>([
      ['tokenizer.ggml.model', 't5'],
      ['tokenizer.ggml.tokens', PIECES.map(([piece]) => piece)],
      ['tokenizer.ggml.scores', Float32Array.from(PIECES, ([, score]) => score)],
      ['tokenizer.ggml.token_type', Int32Array.from(PIECES, (_, id) => (id < 2 ? 3 : id === 2 ? 2 : id < 11 ? 1 : 6))],
      ['tokenizer.ggml.unknown_token_id', 2],
      ['tokenizer.ggml.eos_token_id', 1],
    ]);
    const fromGguf = createUnigramFromGguf(metadata);
    expect(fromGguf.wrap(fromGguf.content('a  fox é</s>'))).toEqual([9, 5, 3, byte(0xc3), byte(0xa9), 1, 1]);
    expect(() => createUnigramFromGguf(new Map([...metadata, ['tokenizer.ggml.scores', new Float32Array(3)]]))).toThrow(/differ in length/);
    expect(() => createUnigramFromGguf(new Map([['tokenizer.ggml.model', 'llama']]))).toThrow(/is llama, not t5/);
  });
});

describe('fitPrompt', () => {
  /** One token a letter, and two round the text. */
  const letters: Tokenizer = {
    content: (text) => [...text.replace(/\s/g, '')].map((char) => char.codePointAt(0)!),
    wrap: (content) => [0, ...content, 1],
  };

  it('keeps a prompt that just fits', () => {
    expect(fitPrompt(letters, 'ab cd', 6)).toEqual({ ids: [0, 97, 98, 99, 100, 1], truncated: null });
  });

  it('says what was cut, from the first word that is not whole', () => {
    expect(fitPrompt(letters, 'ab cd ef. gh', 7)).toEqual({ ids: [0, 97, 98, 99, 100, 101, 1], truncated: 'ef. gh' });
    expect(fitPrompt(letters, 'abcdef gh', 5).truncated).toBe('abcdef gh');
  });

  it('finds words where none are spaced', () => {
    const { truncated } = fitPrompt(letters, '一只红色的狐狸在雪地里奔跑', 9);
    expect('一只红色的狐狸在雪地里奔跑'.endsWith(truncated!)).toBe(true);
    expect(truncated!.length).toBeLessThan(13);
  });
});
