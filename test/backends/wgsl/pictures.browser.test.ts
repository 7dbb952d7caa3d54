import { picturesSuite } from './pictures-suite';

picturesSuite();
