/** What failed, in words for the person who pressed. Lives here: `wordsOf`. Not here: the errors (`../errors`). */

import { Malformed, Refused, Unreachable, Untrusted } from '../errors';
import { t } from '../words';

/** An error in words for the person. */
export function wordsOf(error: unknown): string {
  if (error instanceof Refused) {
    if (error.status === 401) return t('error.session');
    if (error.status === 404) return t('error.nothing');
    if (error.status === 403) return t('error.forbidden', { why: error.message });
    if (error.status === 400) return t('error.malformed', { why: error.message });
    if (error.status >= 500) return t('error.unreachable');
    return t('error.refused', { why: error.message });
  }
  if (error instanceof Untrusted) return t('error.untrusted', { why: error.message });
  if (error instanceof Malformed) return error.field ? error.message : t('error.malformed', { why: error.message });
  if (error instanceof Unreachable) return t('error.unreachable');
  if (error instanceof DOMException && error.name === 'NotAllowedError') return t('error.not-verified');
  if (error instanceof DOMException && error.name === 'NotSupportedError') return t('error.no-passkeys');
  return t('error.unexpected', { why: error instanceof Error ? error.message : String(error) });
}
