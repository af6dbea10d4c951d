/** Entry of every page of a signed-in delegate: forms that sign, live regions, clocks and zones, copying, scripts that can wait,
 * entries of the record, what is shown once, files' hashes, choices that fields share, print, rankings, brackets, files that
 * are sent, a node that does not answer, what is typed, the watch over what was signed.
 */

import { listen as brackets } from './page/brackets';
import { listen as clocks } from './page/clocks';
import { listen as copies } from './page/copies';
import { listen as entries } from './page/entries';
import { listen as files } from './page/files';
import { listen as later } from './page/later';
import { listen as live } from './page/live';
import { listen as once } from './page/once';
import { listen as options } from './page/options';
import { listen as papers } from './page/papers';
import { listen as paper } from './page/print';
import { listen as reached } from './page/reach';
import { listen as rankings } from './page/ranking';
import { listen as typed } from './page/typed';
import { listen as zone } from './page/zone';
import { listen as forms } from './signing/forms';
import { listen as watch } from './signing/watch';

forms();
live();
zone();
brackets();
clocks();
copies();
entries();
files();
later();
once();
options();
paper();
rankings();
papers();
reached();
typed();
watch();
document.documentElement.dataset['signs'] = 'ready';
