import { onDriver } from '../../dawn/on-driver';
import { configurationsSuite } from './configurations-suite';

// f16, int8 and subgroups. LLVM takes seconds to compile what is spelled out at length.
await onDriver('lavapipe', () => configurationsSuite('fast', { heads: [64, 24], fits: (spelledOut) => spelledOut <= 16 }));
