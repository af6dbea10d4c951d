/** Entry of the room: loaded by its page alone. */

import { enterRoom } from './call/room';

const main = document.getElementById('room');
if (main) void enterRoom(main);
