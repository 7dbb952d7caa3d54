import { onDriver } from '../../dawn/on-driver';
import { splitSuite } from './split-suite';

await onDriver('lavapipe', () => splitSuite('fast'));
