import { onDriver } from '../../dawn/on-driver';
import { splitSuite } from './split-suite';

/** Configurations with few vec4s a thread: of the defaults, with 16, each takes Subzero many seconds. */
const CHOICES = {
  'attention.64.short': 'f32 16 keys by 4 split 4',
  'attention.128.short': 'f32 8 keys by 4 split 8',
};

await onDriver('swiftshader', () => splitSuite('exact', CHOICES));
