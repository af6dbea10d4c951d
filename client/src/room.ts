/** Entry of the room: loaded by its page alone. */

import { listen as drawers } from './call/drawers';
import { listen as more } from './call/more';
import { enterRoom } from './call/room';
import { listen } from './call/shortcuts';

const main = document.getElementById('room');
listen(document);
// Before the drawers: Esc folds away what was opened last.
more(document);
drawers(document);
if (main) void enterRoom(main);
