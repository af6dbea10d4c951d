/** Entry of the room: loaded by its page alone. */

import { listen as drawers } from './call/drawers';
import { enterRoom } from './call/room';
import { listen } from './call/shortcuts';

const main = document.getElementById('room');
listen(document);
drawers(document);
if (main) void enterRoom(main);
