import { onDriver } from '../../dawn/on-driver';
import { configurationsSuite } from './configurations-suite';

// f32, and subgroups of 4.
await onDriver('swiftshader', () => configurationsSuite('exact', { heads: [128, 24], fits: (spelledOut) => spelledOut <= 32 }));
