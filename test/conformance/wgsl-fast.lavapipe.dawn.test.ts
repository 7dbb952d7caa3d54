import { onDriver } from '../dawn/on-driver';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { findMiniLm } from './node-minilm';
import { wgslNetworkSuite } from './wgsl-suite';

const TILE = 'f16 32x32 by 8x8 deep 32';
const FORMATS = ['f32', 'f16', 'i8g32', 'i8g16', 'i4g32'];

// The kernels of hardware adapters in f16, attention by subgroups; of their tiles those that LLVM compiles in a second or two, and of the
// files that differ in names and layouts only, one. (Of UMT5 the sequence that fills its padding: the zeros behind short ones shrink the unit.)
await onDriver('lavapipe', async () =>
  wgslNetworkSuite(nodeFixtures(fixturesFolder()), await findMiniLm(), {
    software: false,
    precision: 'fast',
    choices: {
      ...Object.fromEntries(FORMATS.flatMap((format) => ['some', 'many'].map((rows) => [`gemm.${format}.${rows}`, TILE]))),
      ...Object.fromEntries(
        [24, 64, 128].map((dim) => [`attention.${dim}.short`, `f16 16 keys by 4 split ${dim === 24 ? 2 : 4} by subgroups`]),
      ),
    },
    only: ({ name }) => /diffusers.*whole, one|\/c\/.*diffusers.*whole|umt5\/weights.hf.*sequence 2|taew2_1/.test(name),
  }),
);
