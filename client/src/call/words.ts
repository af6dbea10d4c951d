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
  'hand.own': 'Your hand is raised: number {place} of our side. The same button lowers it.',
  'hand.own-lowered': 'Your hand is lowered.',
  'hand.raised': '{who} raises a hand: number {place} of {side}.',
  'hand.lowered': '{who} has lowered the hand.',
  'hand.row': '{place}. {who}',
  'order.own': 'You raise a point of order. The same button takes it back.',
  'order.own-lowered': 'Your point of order is taken back.',
  'order.raised': '{who}, {side}, raises a point of order.',
  'order.lowered': '{who} has taken back the point of order.',
  'order.row': 'Point of order: {who}',
  'lean.on': 'Low bandwidth: sound first. Pictures of faces are off on this device; a shared screen stays. This device remembers it.',
  'lean.off': 'Pictures are on again.',
  'lean.offer': 'Your connection has been poor for some seconds. Without pictures the sound has room.',
  'lean.yes': 'Sound first',
  'lean.no': 'Not now',
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
  'hand.own': 'Ваша рука поднята, номер в нашей стороне: {place}. Опустить: той же кнопкой.',
  'hand.own-lowered': 'Ваша рука опущена.',
  'hand.raised': '{who}: рука поднята ({side}, номер {place}).',
  'hand.lowered': '{who}: рука опущена.',
  'hand.row': '{place}. {who}',
  'order.own': 'Вы берёте слово по порядку ведения. Снять: той же кнопкой.',
  'order.own-lowered': 'Ваше слово по порядку ведения снято.',
  'order.raised': '{who} ({side}): слово по порядку ведения.',
  'order.lowered': '{who}: слово по порядку ведения снято.',
  'order.row': 'По порядку ведения: {who}',
  'lean.on': 'Слабая связь: сначала звук. Лица на этом устройстве не показаны; показанный экран остаётся. Устройство это запомнит.',
  'lean.off': 'Изображение снова включено.',
  'lean.offer': 'Связь уже несколько секунд плохая. Без изображения останется место для звука.',
  'lean.yes': 'Сначала звук',
  'lean.no': 'Не сейчас',
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
  'hand.own': 'يدك مرفوعة، رقمها في جانبنا: {place}. الزر نفسه يخفضها.',
  'hand.own-lowered': 'خُفضت يدك.',
  'hand.raised': '{who} يرفع اليد: رقم {place}، {side}.',
  'hand.lowered': '{who} خفض اليد.',
  'hand.row': '{place}. {who}',
  'order.own': 'أثرتَ نقطة نظام. الزر نفسه يسحبها.',
  'order.own-lowered': 'سُحبت نقطة النظام التي أثرتها.',
  'order.raised': '{who}، {side}، يثير نقطة نظام.',
  'order.lowered': '{who} سحب نقطة النظام.',
  'order.row': 'نقطة نظام: {who}',
  'lean.on': 'اتصال ضعيف: الصوت أولًا. صور الوجوه مغلقة على هذا الجهاز، والشاشة المعروضة تبقى. يتذكر الجهاز ذلك.',
  'lean.off': 'عادت الصور.',
  'lean.offer': 'اتصالك ضعيف منذ ثوانٍ. بلا صور يتسع المجال للصوت.',
  'lean.yes': 'الصوت أولًا',
  'lean.no': 'ليس الآن',
};

export const tables: Readonly<Record<string, Record<RoomWord, string>>> = { en, ru, ar };

export function w(word: RoomWord, values: Values = {}): string {
  return say(tables, word, values);
}
