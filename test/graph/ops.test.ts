import { describe, expect, it } from 'vitest';
import { erf } from '../../src/graph/ops/erf';
import { TO_END } from '../../src/graph/ops/slice';
import { counting, inferOp, runOp, tensor } from './run-op';

function expectClose(actual: readonly number[], expected: readonly number[], tolerance = 1e-6): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) =>
    expect(Math.abs(value - expected[i]!), `value ${i}: ${value} for ${expected[i]}`).toBeLessThanOrEqual(tolerance),
  );
}

describe('linear', () => {
  // five outputs: four go together, one is left over
  const weight = { shape: [5, 2], data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] };

  it('is x · weightᵀ + bias', async () => {
    const bias = { shape: [5], data: [1, 0, 0, 0, -1] };
    expect(await runOp('linear', [tensor([2, 1, 2], 1, 1, 2, -1)], {}, { weight, bias })).toEqual({
      shape: [2, 1, 5],
      data: [4, 7, 11, 15, 18, 1, 2, 4, 6, 7],
    });
    expect((await runOp('linear', [tensor([2], 1, 0)], {}, { weight })).data).toEqual([1, 3, 5, 7, 9]);
  });

  it('keeps leading symbols and refuses what does not fit', () => {
    expect(inferOp('linear', [['T', 's', 2]], {}, { weight: [5, 2] })).toEqual(['T', 's', 5]);
    expect(() => inferOp('linear', [['T', 3]], {}, { weight: [5, 2] })).toThrow(/takes 2 features, not \[T, 3\]/);
    expect(() => inferOp('linear', [[2, 'T']], {}, { weight: [5, 2] })).toThrow(/last dimension of known size/);
    expect(() => inferOp('linear', [[2]], {}, { weight: [5, 2], bias: [4] })).toThrow(/"bias" of shape \[5\], not \[4\]/);
    expect(() => inferOp('linear', [[2]], {}, {})).toThrow(/missing its weight/);
    expect(() => inferOp('linear', [[2], [2]], {}, { weight: [5, 2] })).toThrow(/takes 1 inputs, not 2/);
  });
});

describe('embedding and weight', () => {
  const table = { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] };

  it('picks rows', async () => {
    expect(await runOp('embedding', [{ shape: [2, 2], data: [2, 0, 1, 2], type: 'i32' }], {}, { table })).toEqual({
      shape: [2, 2, 2],
      data: [5, 6, 1, 2, 3, 4, 5, 6],
    });
    await expect(runOp('embedding', [{ shape: [1], data: [3], type: 'i32' }], {}, { table })).rejects.toThrow(
      /id 3 is outside a table of 3 rows/,
    );
    await expect(runOp('embedding', [tensor([1], 0)], {}, { table })).rejects.toThrow(/takes i32/);
  });

  it('gives a weight as it is', async () => {
    expect(await runOp('weight', [], {}, { weight: table })).toEqual({ shape: [3, 2], data: [1, 2, 3, 4, 5, 6] });
  });
});

describe('norms', () => {
  it('layerNorm: zero mean and unit variance of each row, then weight and bias', async () => {
    // mean 3, variance 4 → ±1
    expectClose((await runOp('layerNorm', [tensor([1, 2], 1, 5)], { eps: 0 })).data, [-1, 1]);
    expectClose((await runOp('layerNorm', [tensor([1, 2], 1, 5)], { eps: 12 })).data, [-0.5, 0.5]);
    const affine = { weight: { shape: [2], data: [2, 3] }, bias: { shape: [2], data: [10, 20] } };
    expectClose((await runOp('layerNorm', [tensor([2, 2], 1, 5, 7, -1)], { eps: 0 }, affine)).data, [8, 23, 12, 17]);
    expect(() => inferOp('layerNorm', [['T', 4]], { eps: 0 }, { weight: [3] })).toThrow(/"weight" of shape \[4\]/);
  });

  it('rmsNorm: divided by the root mean square', async () => {
    const weight = { shape: [2], data: [1, 2] };
    expectClose((await runOp('rmsNorm', [tensor([1, 2], 1, 7)], { eps: 0 }, { weight })).data, [0.2, 2.8]);
    expectClose((await runOp('rmsNorm', [tensor([1, 2], 1, 7)], { eps: 75 }, { weight })).data, [0.1, 1.4]);
    expect(() => inferOp('rmsNorm', [['T', 4]], { eps: 0 })).toThrow(/missing its weight/);
  });
});

describe('modulate and gatedAdd', () => {
  const x = counting(2, 2, 2); // frames, tokens, width

  it('takes a vector per frame, or one for all', async () => {
    const perFrame = tensor([2, 1, 2], 1, 2, 3, 4);
    const single = tensor([1, 1, 2], 10, 20);
    expect((await runOp('modulate', [x, single, perFrame], {})).data).toEqual([10, 23, 14, 29, 26, 45, 34, 55]);
    expect((await runOp('gatedAdd', [x, x, perFrame], {})).data).toEqual([0, 3, 4, 9, 16, 25, 24, 35]);
    expect((await runOp('gatedAdd', [x, x, single], {})).data).toEqual([0, 21, 22, 63, 44, 105, 66, 147]);
  });

  it('refuses vectors that are not [F or 1, 1, D]', () => {
    expect(
      inferOp(
        'modulate',
        [
          ['T', 's', 4],
          ['T', 1, 4],
          [1, 1, 4],
        ],
        {},
      ),
    ).toEqual(['T', 's', 4]);
    for (const vector of [
      [2, 1, 4],
      ['T', 's', 4],
      [1, 1, 3],
      [1, 4],
    ])
      expect(() => inferOp('modulate', [['T', 's', 4], [1, 1, 4], vector], {})).toThrow(/vectors of \[F or 1, 1, D\]/);
    expect(() =>
      inferOp(
        'gatedAdd',
        [
          ['T', 's', 4],
          ['T', 1, 4],
          [1, 1, 4],
        ],
        {},
      ),
    ).toThrow(/one shape/);
  });
});

describe('elementwise ops', () => {
  it('add and mul broadcast like NumPy', async () => {
    expect(await runOp('add', [tensor([2, 1], 10, 20), tensor([3], 1, 2, 3)], {})).toEqual({
      shape: [2, 3],
      data: [11, 12, 13, 21, 22, 23],
    });
    expect(await runOp('mul', [counting(2, 2, 2), tensor([2, 1, 1], 1, -1)], {})).toEqual({
      shape: [2, 2, 2],
      data: [0, 1, 2, 3, -4, -5, -6, -7],
    });
    expect((await runOp('add', [counting(2, 2), tensor([1, 2], 5, 6)], {})).data).toEqual([5, 7, 7, 9]);
    expect(
      inferOp(
        'add',
        [
          ['T', 1, 4],
          ['s', 1],
        ],
        {},
      ),
    ).toEqual(['T', 's', 4]);
    expect(() =>
      inferOp(
        'mul',
        [
          ['T', 4],
          ['s', 4],
        ],
        {},
      ),
    ).toThrow(/cannot broadcast \[T, 4\] with \[s, 4\]/);
  });

  it('scale, relu, clamp', async () => {
    expect((await runOp('scale', [tensor([2], 2, -3)], { factor: -0.5 })).data).toEqual([-1, 1.5]);
    expect((await runOp('relu', [tensor([3], -1, 0, 2)], {})).data).toEqual([0, 0, 2]);
    expect((await runOp('clamp', [tensor([3], -1, 0.25, 2)], { min: 0, max: 1 })).data).toEqual([0, 0.25, 1]);
  });

  it('tanh, silu, gelu', async () => {
    expectClose((await runOp('tanh', [tensor([2], 0.5, -20)], {})).data, [0.46211716, -1]);
    expectClose((await runOp('silu', [tensor([3], 1, -1, -100)], {})).data, [0.73105858, -0.26894142, 0]);
    // torch.nn.functional.gelu
    expectClose((await runOp('gelu', [tensor([4], 1, -1, 3, 0)], { approximate: 'none' })).data, [0.8413447, -0.1586553, 2.9959502, 0]);
    expectClose((await runOp('gelu', [tensor([3], 1, -1, 3)], { approximate: 'tanh' })).data, [0.841192, -0.158808, 2.9963627]);
  });

  it('erf to f64 precision', () => {
    // Abramowitz and Stegun, table 7.1, and its limits
    for (const [x, y] of [
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [3.5, 0.9999992569016276],
      [5, 0.9999999999984626],
    ] as const) {
      expect(Math.abs(erf(x) - y)).toBeLessThan(1e-15);
      expect(erf(-x)).toBe(-erf(x));
    }
    expect([erf(0), erf(7), erf(-Infinity), erf(NaN)]).toEqual([0, 1, -1, NaN]);
  });
});

describe('rope', () => {
  it('turns interleaved pairs of every head by the token’s angles', async () => {
    // two heads of 4: two pairs each; the first pair turns by 90°, the second not at all
    const cos = tensor([1, 2], 0, 1);
    const sin = tensor([1, 2], 1, 0);
    expect((await runOp('rope', [tensor([1, 8], 1, 2, 3, 4, 5, 6, 7, 8), cos, sin], { heads: 2 })).data).toEqual([
      -2, 1, 3, 4, -6, 5, 7, 8,
    ]);
    const perToken = await runOp('rope', [tensor([2, 1, 2], 1, 2, 3, 4), tensor([2, 1, 1], 1, 0), tensor([2, 1, 1], 0, 1)], { heads: 1 });
    expect(perToken.data).toEqual([1, 2, -4, 3]);
  });

  it('refuses tables of another size', () => {
    expect(
      inferOp(
        'rope',
        [
          ['T', 's', 8],
          ['T', 's', 2],
          ['T', 's', 2],
        ],
        { heads: 2 },
      ),
    ).toEqual(['T', 's', 8]);
    expect(() =>
      inferOp(
        'rope',
        [
          ['T', 8],
          ['T', 4],
          ['T', 4],
        ],
        { heads: 2 },
      ),
    ).toThrow(/rope with 2 heads/);
    expect(() =>
      inferOp(
        'rope',
        [
          ['T', 8],
          ['s', 2],
          ['s', 2],
        ],
        { heads: 2 },
      ),
    ).toThrow(/rope with 2 heads/);
    expect(() =>
      inferOp(
        'rope',
        [
          ['T', 8],
          ['T', 2],
          ['T', 1],
        ],
        { heads: 2 },
      ),
    ).toThrow(/one shape/);
  });
});

describe('attention', () => {
  it('weighs values by softmax(scale · q·k), each head by itself', async () => {
    const ln3 = Math.log(3);
    // head 0: scores 2·ln3/2 = ln3 and 0 → 3/4 and 1/4; head 1: equal scores → halves
    const q = tensor([1, 2], ln3, 0);
    const k = tensor([2, 2], 2, 5, 0, 7);
    const v = tensor([2, 2], 4, 10, 8, 30);
    expectClose((await runOp('attention', [q, k, v], { heads: 2, scale: 0.5 })).data, [5, 20]);
  });

  it('flattens leading axes into one sequence', async () => {
    const flat = await runOp('attention', [counting(4, 2), counting(4, 2), counting(4, 2)], { heads: 1, scale: 0.1 });
    const split = await runOp('attention', [counting(2, 2, 2), counting(1, 4, 2), counting(1, 4, 2)], { heads: 1, scale: 0.1 });
    expect(split).toEqual({ shape: [2, 2, 2], data: flat.data });
  });

  it('adds a bias per head, query and key', async () => {
    const zero = tensor([2, 2], 0, 0, 0, 0);
    const v = tensor([2, 2], 4, 10, 8, 30);
    const bias = tensor([2, 2, 2], Math.log(3), 0, 0, 0, 0, 0, -1e9, 0);
    expectClose((await runOp('attention', [zero, zero, v, bias], { heads: 2, scale: 1 })).data, [5, 20, 6, 30], 1e-5);
  });

  it('does not overflow', async () => {
    expectClose(
      (await runOp('attention', [tensor([1, 1], 100), tensor([2, 1], 100, 99), tensor([2, 1], 1, 2)], { heads: 1, scale: 1 })).data,
      [1],
    );
  });

  it('refuses shapes that do not fit', () => {
    expect(
      inferOp(
        'attention',
        [
          ['T', 's', 8],
          ['L', 8],
          ['L', 8],
        ],
        { heads: 2, scale: 1 },
      ),
    ).toEqual(['T', 's', 8]);
    expect(
      inferOp(
        'attention',
        [
          ['L', 8],
          ['L', 8],
          ['L', 8],
          [2, 'L', 'L'],
        ],
        { heads: 2, scale: 1 },
      ),
    ).toEqual(['L', 8]);
    expect(() =>
      inferOp(
        'attention',
        [
          ['L', 8],
          ['L', 6],
          ['L', 6],
        ],
        { heads: 2, scale: 1 },
      ),
    ).toThrow(/cannot join/);
    expect(() =>
      inferOp(
        'attention',
        [
          ['L', 8],
          ['L', 8],
          ['M', 8],
        ],
        { heads: 2, scale: 1 },
      ),
    ).toThrow(/one shape/);
    expect(() =>
      inferOp(
        'attention',
        [
          ['L', 8],
          ['L', 8],
          ['L', 8],
        ],
        { heads: 3, scale: 1 },
      ),
    ).toThrow(/3 heads/);
    expect(() =>
      inferOp(
        'attention',
        [
          ['L', 8],
          ['M', 8],
          ['M', 8],
          [2, 'L', 'L'],
        ],
        { heads: 2, scale: 1 },
      ),
    ).toThrow(/bias of \[2, L, M\]/);
  });
});

describe('conv2d', () => {
  it('sums over channels and window, zero outside', async () => {
    const weight = { shape: [1, 1, 3, 3], data: [1, 1, 1, 1, 1, 1, 1, 1, 1] };
    const bias = { shape: [1], data: [100] };
    expect(await runOp('conv2d', [tensor([1, 1, 2, 3], 1, 2, 3, 4, 5, 6)], { stride: 1, padding: 1 }, { weight, bias })).toEqual({
      shape: [1, 1, 2, 3],
      data: [112, 121, 116, 112, 121, 116],
    });
    const corner = { shape: [1, 1, 3, 3], data: [1, 0, 0, 0, 0, 0, 0, 0, 0] }; // the pixel up and left: cross-correlation
    expect((await runOp('conv2d', [tensor([1, 1, 2, 2], 1, 2, 3, 4)], { stride: 1, padding: 1 }, { weight: corner })).data).toEqual([
      0, 0, 0, 1,
    ]);
  });

  it('has strides, channels and frames', async () => {
    const weight = { shape: [2, 2, 1, 1], data: [1, 10, 0, -1] };
    expect((await runOp('conv2d', [counting(2, 2, 1, 2)], { stride: 1, padding: 0 }, { weight })).data).toEqual([
      20, 31, -2, -3, 64, 75, -6, -7,
    ]);
    const centre = { shape: [1, 1, 3, 3], data: [0, 0, 0, 0, 1, 0, 0, 0, 0] };
    expect(await runOp('conv2d', [counting(1, 1, 4, 5)], { stride: 2, padding: 1 }, { weight: centre })).toEqual({
      shape: [1, 1, 2, 3],
      data: [0, 2, 4, 10, 12, 14],
    });
  });

  it('works out sizes', () => {
    const weight = { weight: [8, 4, 3, 3] };
    expect(inferOp('conv2d', [['T', 4, 'h', '2*w']], { stride: 1, padding: 1 }, weight)).toEqual(['T', 8, 'h', '2*w']);
    expect(inferOp('conv2d', [['T', 4, '4*h', '2*w']], { stride: 2, padding: 1 }, weight)).toEqual(['T', 8, '2*h', 'w']);
    expect(inferOp('conv2d', [['T', 4, 6, 5]], { stride: 1, padding: 0 }, weight)).toEqual(['T', 8, 4, 3]);
    expect(() => inferOp('conv2d', [['T', 4, 'h', 'w']], { stride: 2, padding: 1 }, weight)).toThrow(/no whole size for h/);
    expect(() => inferOp('conv2d', [['T', 4, 'h', 'w']], { stride: 1, padding: 0 }, weight)).toThrow(/no whole size/);
    expect(() => inferOp('conv2d', [['T', 4, 2, 9]], { stride: 1, padding: 0 }, weight)).toThrow(/does not fit into 2/);
    expect(() => inferOp('conv2d', [['T', 5, 'h', 'w']], { stride: 1, padding: 1 }, weight)).toThrow(/cannot take \[T, 5, h, w\]/);
    expect(() => inferOp('conv2d', [['T', 4, 'h', 'w']], { stride: 1, padding: 1 }, { weight: [8, 4, 3, 1] })).toThrow(/cannot take/);
  });
});

describe('pixels', () => {
  it('upsampleNearest repeats rows and columns', async () => {
    expect(await runOp('upsampleNearest', [tensor([1, 2, 1, 2], 1, 2, 3, 4)], { factor: 2 })).toEqual({
      shape: [1, 2, 2, 4],
      data: [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4],
    });
    expect(inferOp('upsampleNearest', [['T', 4, 'h', 'w']], { factor: 2 })).toEqual(['T', 4, '2*h', '2*w']);
  });

  it('pixelShuffle puts channels (c, row, column) into space, pixelUnshuffle takes them out', async () => {
    const x = tensor([1, 8, 1, 1], 0, 1, 2, 3, 4, 5, 6, 7);
    expect(await runOp('pixelShuffle', [x], { factor: 2 })).toEqual({ shape: [1, 2, 2, 2], data: [0, 1, 2, 3, 4, 5, 6, 7] });
    const wide = tensor([1, 4, 1, 2], 0, 10, 1, 11, 2, 12, 3, 13);
    const shuffled = await runOp('pixelShuffle', [wide], { factor: 2 });
    expect(shuffled).toEqual({ shape: [1, 1, 2, 4], data: [0, 1, 10, 11, 2, 3, 12, 13] });
    expect(await runOp('pixelUnshuffle', [shuffled], { factor: 2 })).toEqual({ shape: [1, 4, 1, 2], data: [...(wide.data as number[])] });
    const frames = counting(2, 9, 2, 3);
    const there = await runOp('pixelShuffle', [frames], { factor: 3 });
    expect((await runOp('pixelUnshuffle', [there], { factor: 3 })).data).toEqual([...(frames.data as Float32Array)]);
    expect(() => inferOp('pixelShuffle', [['T', 6, 'h', 'w']], { factor: 2 })).toThrow(/cannot split the channels/);
    expect(() => inferOp('pixelUnshuffle', [['T', 3, 'h', '2*w']], { factor: 2 })).toThrow(/cannot divide/);
  });

  it('shiftFrames gives each frame’s predecessor', async () => {
    expect((await runOp('shiftFrames', [counting(3, 1, 1, 2), tensor([1, 1, 1, 2], 8, 9)], {})).data).toEqual([8, 9, 0, 1, 2, 3]);
    expect((await runOp('shiftFrames', [counting(1, 1, 1, 2), tensor([1, 1, 1, 2], 8, 9)], {})).data).toEqual([8, 9]);
    expect(() =>
      inferOp(
        'shiftFrames',
        [
          ['T', 1, 'h', 'w'],
          ['T', 1, 'h', 'w'],
        ],
        {},
      ),
    ).toThrow(/memory of one frame/);
    expect(() =>
      inferOp(
        'shiftFrames',
        [
          ['T', 1, 'h', 'w'],
          [1, 1, 'w', 'h'],
        ],
        {},
      ),
    ).toThrow(/memory of one frame/);
  });
});

describe('patches', () => {
  // [C 2, T 1, H 2, W 4]: channel 0 counts from 0, channel 1 from 8
  const latents = counting(2, 1, 2, 4);

  it('patchify orders tokens (time, row, column) and features (channel, row, column)', async () => {
    const expected = [0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15];
    expect(await runOp('patchify', [latents], { patch: 2, merged: false })).toEqual({ shape: [1, 2, 8], data: expected });
    expect((await runOp('patchify', [counting(1, 2, 2, 2)], { patch: 2, merged: true })).shape).toEqual([1, 2, 4]);
    expect(inferOp('patchify', [[16, 'T', '2*h', '2*w']], { patch: 2, merged: false })).toEqual(['T', 'h*w', 64]);
    expect(inferOp('patchify', [[16, 'T', '2*h', '2*w']], { patch: 2, merged: true })).toEqual([1, 'T*h*w', 64]);
    expect(() => inferOp('patchify', [[16, 'T', 'h', '2*w']], { patch: 2, merged: false })).toThrow(/cannot cut/);
  });

  it('unpatchify takes features as (row, column, channel)', async () => {
    // token 0: channels 0 and 1 of its four pixels
    const tokens = tensor([1, 2, 8], 0, 8, 1, 9, 4, 12, 5, 13, 2, 10, 3, 11, 6, 14, 7, 15);
    expect(await runOp('unpatchify', [tokens, latents], { patch: 2 })).toEqual({
      shape: [2, 1, 2, 4],
      data: [...(latents.data as Float32Array)],
    });
    expect(
      inferOp(
        'unpatchify',
        [
          ['T', 'S', 64],
          [4, 'T', '2*h', '2*w'],
        ],
        { patch: 2 },
      ),
    ).toEqual([16, 'T', '2*h', '2*w']);
    expect(() =>
      inferOp(
        'unpatchify',
        [
          [1, 3, 8],
          [2, 1, 2, 4],
        ],
        { patch: 2 },
      ),
    ).toThrow(/takes 2 tokens/);
    expect(() =>
      inferOp(
        'unpatchify',
        [
          ['T', '2*h*w', 8],
          [2, 'T', '2*h', '2*w'],
        ],
        { patch: 2 },
      ),
    ).toThrow(/takes T\*h\*w tokens/);
    expect(() =>
      inferOp(
        'unpatchify',
        [
          ['T', 'S', 6],
          [4, 'T', '2*h', '2*w'],
        ],
        { patch: 2 },
      ),
    ).toThrow(/cannot make/);
  });
});

describe('shapes', () => {
  it('concat joins on any axis', async () => {
    expect(await runOp('concat', [tensor([2, 1], 1, 2), tensor([2, 2], 3, 4, 5, 6)], { axis: 1 })).toEqual({
      shape: [2, 3],
      data: [1, 3, 4, 2, 5, 6],
    });
    expect((await runOp('concat', [tensor([1, 2], 1, 2), tensor([1, 2], 3, 4), tensor([1, 2], 5, 6)], { axis: 0 })).data).toEqual([
      1, 2, 3, 4, 5, 6,
    ]);
    expect((await runOp('concat', [counting(2, 1, 2), counting(2, 1, 2)], { axis: 1 })).data).toEqual([0, 1, 0, 1, 2, 3, 2, 3]);
    expect(() =>
      inferOp(
        'concat',
        [
          ['T', 1],
          ['s', 1],
        ],
        { axis: 1 },
      ),
    ).toThrow(/cannot join/);
    expect(() =>
      inferOp(
        'concat',
        [
          ['T', 1],
          ['T', 1],
        ],
        { axis: 0 },
      ),
    ).toThrow(/known size on axis 0/);
    expect(() => inferOp('concat', [['T', 1]], { axis: 2 })).toThrow(/no axis 2/);
  });

  it('slice follows Python', async () => {
    const x = counting(4, 2);
    expect(await runOp('slice', [x], { axis: 0, start: 1, end: 3 })).toEqual({ shape: [2, 2], data: [2, 3, 4, 5] });
    expect((await runOp('slice', [x], { axis: 0, start: -1, end: TO_END })).data).toEqual([6, 7]);
    expect((await runOp('slice', [x], { axis: 0, start: 1, end: -1 })).data).toEqual([2, 3, 4, 5]);
    expect((await runOp('slice', [x], { axis: 1, start: 1, end: 2 })).data).toEqual([1, 3, 5, 7]);
    expect(inferOp('slice', [['T', 2]], { axis: 0, start: -2, end: TO_END })).toEqual([2, 2]);
    expect(inferOp('slice', [['T', 2]], { axis: 0, start: 1, end: 4 })).toEqual([3, 2]);
    expect(inferOp('slice', [['T', 2]], { axis: 0, start: 0, end: TO_END })).toEqual(['T', 2]);
    expect(() => inferOp('slice', [['T', 2]], { axis: 0, start: 1, end: TO_END })).toThrow(/1 to the end of axis 0 of \[T, 2\]/);
    expect(() => inferOp('slice', [['T', 2]], { axis: 0, start: 1, end: -1 })).toThrow(/slice cannot/);
    expect(() => inferOp('slice', [[4, 2]], { axis: 0, start: 2, end: 2 })).toThrow(/slice cannot/);
    expect(() => inferOp('slice', [[4, 2]], { axis: 0, start: 2, end: 5 })).toThrow(/slice cannot/);
    expect(() => inferOp('slice', [[4, 2]], { axis: 0, start: -5, end: 2 })).toThrow(/slice cannot/);
    expect(() => inferOp('slice', [[4, 2]], { axis: 2, start: 0, end: 1 })).toThrow(/no axis 2/);
  });

  it('reshape keeps the elements and leaves at most one size open', async () => {
    expect(await runOp('reshape', [counting(2, 3)], { shape: [3, 2] })).toEqual({ shape: [3, 2], data: [0, 1, 2, 3, 4, 5] });
    expect(inferOp('reshape', [['T', 8, 'h', 'w']], { shape: ['2*T', 4, 'h', 'w'] })).toEqual(['2*T', 4, 'h', 'w']);
    expect(() => inferOp('reshape', [['T', 8]], { shape: ['T', 9] })).toThrow(/cannot make \[T, 9\] of \[T, 8\]/);
    expect(() => inferOp('reshape', [['T', 'h', 8]], { shape: ['h', 'T', 8] })).toThrow(/leaves h and T open/);
  });

  it('transpose orders axes as NumPy', async () => {
    expect(await runOp('transpose', [counting(2, 3)], { permutation: [1, 0] })).toEqual({ shape: [3, 2], data: [0, 3, 1, 4, 2, 5] });
    expect(await runOp('transpose', [counting(2, 2, 2)], { permutation: [2, 0, 1] })).toEqual({
      shape: [2, 2, 2],
      data: [0, 2, 4, 6, 1, 3, 5, 7],
    });
    expect(inferOp('transpose', [['L', 'M', 3]], { permutation: [2, 0, 1] })).toEqual([3, 'L', 'M']);
    expect(() => inferOp('transpose', [['L', 3]], { permutation: [0, 0] })).toThrow(/cannot order/);
    expect(() => inferOp('transpose', [['L', 3]], { permutation: [1, 0, 2] })).toThrow(/cannot order/);
  });
});
