/** Entry of the room: loaded by its page alone. */

import { enterRoom } from './call/room';
import { listen } from './call/shortcuts';

const main = document.getElementById('room');
listen(document);
if (main) void enterRoom(main);
