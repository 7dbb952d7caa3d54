import { describe, expect, it } from 'vitest';
import { createOrtExecutor } from '../../../src/backends/ort';
import { OPS } from '../../../src/graph/ops';
import { createReferenceExecutor } from '../../../src/graph/reference';
import { opCases } from './op-cases';
import { relativeError, runCase } from './parity';

const cases = opCases();
const reference = createReferenceExecutor();

it('has a case for every op', () => {
  expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(OPS)));
});

/** f32 against f64 sums of up to 600 terms; Winograd's transforms are within it too. */
const EXACT = 1e-5;

describe('every op in exact precision is as the reference executor has it', async () => {
  const variants = {
    chosen: {},
    'plain attention, convolutions as products of matrices': { attention: 'plain', convolution: 'matrix' },
    "ONNX's own convolutions": { convolution: 'conv' },
  } as const;
  for (const [name, choices] of Object.entries(variants)) {
    const executor = await createOrtExecutor({ provider: 'wasm', precision: 'exact', choices });
    describe(name, () => {
      for (const opCase of cases)
        it(opCase.name, async () => {
          const [actual, expected] = [await runCase(executor, opCase), await runCase(reference, opCase)];
          expect(actual.shape).toEqual(expected.shape);
          expect(relativeError(actual.data, expected.data)).toBeLessThanOrEqual(EXACT);
        });
    });
  }
});
