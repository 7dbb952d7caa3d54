import { onDriver } from '../../dawn/on-driver';
import { splitSuite } from './split-suite';

/** Configurations that LLVM compiles in seconds: those with a few vec4s a thread. The defaults, with 16, take it minutes for three parts each. */
const CHOICES = {
  'attention.64.short': 'f16 16 keys by 4 split 4 by subgroups',
  'attention.128.short': 'f16 16 keys by 4 split 8',
};

/** What f16 and int8 have kernels of their own for; pictures, biases and wide heads are cut the same way in f32. */
const ONLY = /linear|feed-forward|norms|^attention by queries$|self-attention|cross-attention/;

await onDriver('lavapipe', () => splitSuite('fast', CHOICES, ONLY));
