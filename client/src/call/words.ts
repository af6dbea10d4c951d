/** What the room alone says, in the languages of the pages; a language without a table here is said in English.
 *
 * Lives here: `w`, the tables. Not here: what several pages say (`../words`), what the page says (the node's templates).
 */

import { type Values, say } from '../words';

const en = {
  'share.on': 'Your screen is shared, encrypted from device to device. It ends by the same button.',
  'share.off': 'Your screen is no longer shared.',
  'share.refused': 'No screen is shared: you or this browser did not allow it. Press again to choose a window.',
  'share.cannot': 'This browser cannot share a screen. A current browser on a computer can.',
  'share.taken': '{who} shares a screen for our side. One at a time: ask them to end theirs.',
  'share.yielded': '{who} began to share at the same moment, so yours ended. One screen a side at a time.',
  'share.came': '{who} shares a screen.',
  'share.went': '{who} no longer shares a screen.',
  'share.of': 'Screen of {who}',
} as const;

export type RoomWord = keyof typeof en;

const ru: Record<RoomWord, string> = {
  'share.on': 'Ваш экран показан, с шифрованием от устройства к устройству. Завершить: той же кнопкой.',
  'share.off': 'Ваш экран больше не показан.',
  'share.refused': 'Экран не показан: вы или браузер этого не разрешили. Нажмите ещё раз, чтобы выбрать окно.',
  'share.cannot': 'Этот браузер не умеет показывать экран. Современный браузер на компьютере умеет.',
  'share.taken': '{who} показывает экран от нашей стороны. Показывает один: попросите завершить показ.',
  'share.yielded': '{who}: показ начат в тот же миг, поэтому ваш завершён. От стороны один экран.',
  'share.came': '{who} показывает экран.',
  'share.went': '{who} больше не показывает экран.',
  'share.of': 'Экран: {who}',
};

const ar: Record<RoomWord, string> = {
  'share.on': 'شاشتك معروضة، معمّاة من جهاز إلى جهاز. ينتهي العرض بالزر نفسه.',
  'share.off': 'لم تعد شاشتك معروضة.',
  'share.refused': 'لا شاشة معروضة: لم تسمح بذلك أنت أو المتصفح. اضغط من جديد لاختيار نافذة.',
  'share.cannot': 'هذا المتصفح لا يستطيع عرض الشاشة. متصفح حديث على حاسوب يستطيع.',
  'share.taken': '{who} يعرض شاشة عن جانبنا. واحدة في كل مرة: اطلب إنهاء العرض.',
  'share.yielded': '{who} بدأ العرض في اللحظة نفسها، فانتهى عرضك. شاشة واحدة لكل جانب.',
  'share.came': '{who} يعرض شاشة.',
  'share.went': '{who} لم يعد يعرض شاشة.',
  'share.of': 'شاشة {who}',
};

export const tables: Readonly<Record<string, Record<RoomWord, string>>> = { en, ru, ar };

export function w(word: RoomWord, values: Values = {}): string {
  return say(tables, word, values);
}
