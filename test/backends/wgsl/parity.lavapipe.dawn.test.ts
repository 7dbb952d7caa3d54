import { onDriver } from '../../dawn/on-driver';
import { paritySuite } from './parity-suite';

await onDriver('lavapipe', paritySuite);
