/** A screen to show: asked of the browser, and which of two of one side stays.
 *
 * Lives here: `pickScreen`, `yields`. Not here: publishing (`room`), drawing (`view`).
 */

export type Picked = MediaStreamTrack | 'refused' | 'cannot';

/** Fewer frames than a face needs: what is read has to be sharp. */
const FRAMES_A_SECOND = 15;

/** The browser asks the person which screen or window. To be called within their gesture. */
export async function pickScreen(media: Pick<MediaDevices, 'getDisplayMedia'> | undefined): Promise<Picked> {
  if (typeof media?.getDisplayMedia !== 'function') return 'cannot';
  try {
    const stream = await media.getDisplayMedia({ video: { frameRate: { max: FRAMES_A_SECOND } }, audio: false });
    const track = stream.getVideoTracks()[0];
    if (!track) return 'refused';
    track.contentHint = 'detail';
    return track;
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    return name === 'NotSupportedError' || name === 'NotFoundError' ? 'cannot' : 'refused';
  }
}

/** Two of one side began at once, and neither knew: the smaller device stays, which both find for themselves. Whose
 * screen `own` gives way to, or undefined. others: devices of its side that share. */
export function yields(own: string, others: Iterable<string>): string | undefined {
  return [...others].filter(device => device < own).sort()[0];
}
