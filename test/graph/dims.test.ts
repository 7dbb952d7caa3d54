import { describe, expect, it } from 'vitest';
import {
  canonicalDim,
  divideDims,
  elementCount,
  equalDims,
  equalShapes,
  evaluateDim,
  evaluateShape,
  multiplyDims,
  parseDim,
} from '../../src/graph/dims';

describe('dimension algebra', () => {
  it('has one way of writing every product', () => {
    expect(canonicalDim('W*2*H')).toBe('2*H*W');
    expect(canonicalDim('2*T*3')).toBe('6*T');
    expect(canonicalDim('1*T')).toBe('T');
    expect(canonicalDim('4*2')).toBe(8);
    expect(canonicalDim('0*T')).toBe(0);
    expect(canonicalDim(7)).toBe(7);
  });

  it('multiplies', () => {
    expect(multiplyDims('T', 4)).toBe('4*T');
    expect(multiplyDims('2*w', 'h', 'T')).toBe('2*T*h*w');
    expect(multiplyDims(3, 5)).toBe(15);
    expect(multiplyDims()).toBe(1);
    expect(elementCount(['h', 2, 'h'])).toBe('2*h*h');
  });

  it('divides only where it is exact for every size', () => {
    expect(divideDims('6*T*h', '2*h')).toBe('3*T');
    expect(divideDims('T', 'T')).toBe(1);
    expect(divideDims('h*h', 'h')).toBe('h');
    expect(divideDims(12, 4)).toBe(3);
    expect(divideDims('T', 2)).toBeUndefined();
    expect(divideDims('3*T', '2*T')).toBeUndefined();
    expect(divideDims('T', 'h')).toBeUndefined();
    expect(divideDims(5, 0)).toBeUndefined();
  });

  it('compares', () => {
    expect(equalDims('h*2', '2*h')).toBe(true);
    expect(equalDims('h', 2)).toBe(false);
    expect(equalShapes(['w*h', 3], ['h*w', 3])).toBe(true);
    expect(equalShapes([1, 2], [1, 2, 3])).toBe(false);
  });

  it('evaluates, and says which symbol has no value', () => {
    expect(evaluateDim('4*T*h', { T: 3, h: 5 })).toBe(60);
    expect(evaluateShape([1, 'T'], { T: 3 })).toEqual([1, 3]);
    expect(() => evaluateDim('T*q', { T: 3 })).toThrow(/dimension q /);
  });

  it.each(['', '2*', 'T+1', '-2', '1.5', 'T H', '*T'])('refuses %j', (dim) => expect(() => parseDim(dim)).toThrow(/is not a dimension/));
  it.each([-1, 1.5, NaN, Infinity])('refuses %d', (dim) => expect(() => parseDim(dim)).toThrow(/not a whole number/));
});
