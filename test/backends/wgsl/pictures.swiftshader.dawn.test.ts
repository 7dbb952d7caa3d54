import { onDriver } from '../../dawn/on-driver';
import { picturesSuite } from './pictures-suite';

await onDriver('swiftshader', picturesSuite);
