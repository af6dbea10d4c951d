/** Entry of the page that shows, on a second device, what the first is about to sign. */

import { listen } from './check/page';

listen();
