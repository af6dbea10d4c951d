/** Entry of the record page: its button *Verify*. */

import { listen } from './verify/page';

listen();
