/** Entry of every page of a signed-in delegate: forms that sign, live regions, clocks. */

import { listen as clocks } from './page/clocks';
import { listen as live } from './page/live';
import { listen as forms } from './signing/forms';

forms();
live();
clocks();
document.documentElement.dataset['signs'] = 'ready';
