/** A page that answers a form, with what is shown once (`[data-once]`): loaded anew, it is asked for and the form is not sent again. */

export function listen(): void {
  // The entry in the history then stands for the address, no longer for what was sent to it.
  if (document.querySelector('[data-once]')) history.replaceState(history.state, '', location.href);
}
