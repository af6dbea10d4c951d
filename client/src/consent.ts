/** Entry of what a page fetches when somebody is about to sign: what the act's bytes say, and the dialog that shows it. */

export { titleOf } from './check/sayings';
export { consent } from './signing/dialog';
export { read } from './signing/reading';
