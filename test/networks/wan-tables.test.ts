import { describe, expect, it } from 'vitest';
import { ropeAxisDims, ropeTables, timestepSinusoid } from '../../src/networks/wan-tables';

describe('timestepSinusoid', () => {
  it('has cosines first, from the fastest wave to the slowest', () => {
    const table = timestepSinusoid([0, 1000], 4);
    // frequencies 1 and 1/100
    expect([...table]).toEqual([1, 1, 0, 0, ...[Math.cos(1000), Math.cos(10), Math.sin(1000), Math.sin(10)].map(Math.fround)]);
  });
});

describe('ropeTables', () => {
  it('shares a head among time, height and width as diffusers does', () => {
    expect(ropeAxisDims(128)).toEqual([44, 42, 42]);
    expect(ropeAxisDims(64)).toEqual([24, 20, 20]);
    expect(ropeAxisDims(24)).toEqual([8, 8, 8]);
    expect(ropeAxisDims(40)).toEqual([16, 12, 12]);
  });

  it('has a row per token in (time, row, column) order, a column per pair', () => {
    const { cos, sin } = ropeTables({ headDim: 10, maxPositions: 3 }, 2, 2, 3);
    expect(ropeAxisDims(10)).toEqual([6, 2, 2]);
    expect(cos.length).toBe(12 * 5);
    const token = (1 * 2 + 1) * 3 + 2; // time 1, row 1, column 2
    const angles = [1, 1 / 10000 ** (2 / 6), 1 / 10000 ** (4 / 6), 1, 2];
    expect([...cos.subarray(token * 5, token * 5 + 5)]).toEqual(angles.map((angle) => Math.fround(Math.cos(angle))));
    expect([...sin.subarray(token * 5, token * 5 + 5)]).toEqual(angles.map((angle) => Math.fround(Math.sin(angle))));
    expect([...cos.subarray(0, 5)]).toEqual([1, 1, 1, 1, 1]);
  });

  it('refuses more positions than the model has', () => {
    expect(() => ropeTables({ headDim: 12, maxPositions: 3 }, 1, 4, 1)).toThrow(/1 × 4 × 1 patches is larger than the 3/);
  });
});
