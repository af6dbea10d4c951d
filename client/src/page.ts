/** Entry of every page of a signed-in delegate: forms that sign, live regions, clocks, copying, scripts that can wait,
 * rankings, files that are sent, what is typed, the watch over what was signed.
 */

import { listen as clocks } from './page/clocks';
import { listen as copies } from './page/copies';
import { listen as later } from './page/later';
import { listen as live } from './page/live';
import { listen as papers } from './page/papers';
import { listen as rankings } from './page/ranking';
import { listen as typed } from './page/typed';
import { listen as forms } from './signing/forms';
import { listen as watch } from './signing/watch';

forms();
live();
clocks();
copies();
later();
rankings();
papers();
typed();
watch();
document.documentElement.dataset['signs'] = 'ready';
