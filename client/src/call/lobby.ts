/** The lobby: this page says where its person stands, so that both sides see who is ready before one goes in.
 *
 * Lives here: `Lobby`, `presenceOf`. Not here: what is shown of it (the room's page, `#lobby`), who may go in (the node).
 * Spec: docs/spec/http.md §5.
 */

import { request } from '../api';
import { refreshSoon } from '../page/live';

const AGAIN_MS = 10_000;

export type Presence = 'door' | 'ready' | 'in';

/** What a stage of the room says of its person; null: they are not here. */
export function presenceOf(stage: string): Presence | null {
  switch (stage) {
    case 'in': case 'lost': return 'in';
    case 'ready': case 'joining': return 'ready';
    case 'checking': return 'door';
    default: return null;
  }
}

export class Lobby {
  private said: Presence | null = null;
  private readonly watching = new MutationObserver(() => this.look(false));
  private readonly saying: ReturnType<typeof setInterval>;

  /** path: of the sitting. room: says in `data-state` where it stands. */
  constructor(private readonly path: string, private readonly room: HTMLElement) {
    this.watching.observe(room, { attributeFilter: ['data-state'] });
    this.saying = setInterval(() => this.look(true), AGAIN_MS);
    this.look(false);
  }

  end(): void {
    this.watching.disconnect();
    clearInterval(this.saying);
    if (this.said) navigator.sendBeacon(`${this.path}/lobby`, new Blob(['{"presence":null}'], { type: 'application/json' }));
  }

  private look(again: boolean): void {
    const presence = presenceOf(this.room.dataset['state'] ?? '');
    if (presence === this.said && !(again && presence)) return;
    this.said = presence;
    void this.say(presence);
  }

  private async say(presence: Presence | null): Promise<void> {
    try {
      const { mark } = await request<{ mark: string }>('POST', `${this.path}/lobby`, { presence });
      const shown = document.getElementById('lobby')?.dataset['mark'];
      // Somebody left without a word: no event says so.
      if (shown !== undefined && shown !== mark) refreshSoon();
    } catch {
      // Who is in the room is known by proof there; the lobby is a courtesy.
    }
  }
}
