/** Entry of every page of a signed-in delegate: forms that sign, live regions, clocks and zones, copying, scripts that can wait,
 * rankings, what is typed, the watch over what was signed.
 */

import { listen as clocks } from './page/clocks';
import { listen as copies } from './page/copies';
import { listen as later } from './page/later';
import { listen as live } from './page/live';
import { listen as rankings } from './page/ranking';
import { listen as typed } from './page/typed';
import { listen as zone } from './page/zone';
import { listen as forms } from './signing/forms';
import { listen as watch } from './signing/watch';

forms();
live();
zone();
clocks();
copies();
later();
rankings();
typed();
watch();
document.documentElement.dataset['signs'] = 'ready';
