/** What the room says of captions and notes, in the languages of the pages.
 *
 * Lives here: `s`, the tables. Not here: what the room says of all else (`words`).
 */

import { type Values, say } from '../words';

const en = {
  'caption.of': '{who}:',
  'caption.by': '{who}, typed by {by}:',
  'caption.whose': 'Words of {who}',
  'caption.nobody': 'Nobody has spoken yet. Choose whose words they are.',
  'caption.hidden': '{who} types captions. They are switched off on this device; Alt+K leads to them.',
  'note.from': '{who}',
  'note.mine': 'You, to {who}',
  'note.to': 'Goes to {who}, and to nobody else.',
  'note.alone': 'Nobody else of our side is in.',
  'note.nobody': 'Not sent: nobody else of our side is in, or it is too long.',
  'note.came': 'A note of our side from {who}. Alt+N opens it.',
  'note.unread': '({n} new)',
} as const;

export type SpokenWord = keyof typeof en;

const ru: Record<SpokenWord, string> = {
  'caption.of': '{who}:',
  'caption.by': '{who}; набирает {by}:',
  'caption.whose': 'Слова: {who}',
  'caption.nobody': 'Ещё никто не говорил. Выберите, чьи это слова.',
  'caption.hidden': '{who}: набор субтитров. На этом устройстве они выключены; к ним ведёт Alt+K.',
  'note.from': '{who}',
  'note.mine': 'Вы, кому: {who}',
  'note.to': 'Получат: {who}, и больше никто.',
  'note.alone': 'Больше никого из нашей стороны в зале нет.',
  'note.nobody': 'Не отправлено: больше никого из нашей стороны в зале нет, или текст слишком длинный.',
  'note.came': 'Записка нашей стороны, от кого: {who}. Открыть: Alt+N.',
  'note.unread': '(новых: {n})',
};

const fr: Record<SpokenWord, string> = {
  'caption.of': '{who} :',
  'caption.by': '{who}, saisi par {by} :',
  'caption.whose': 'Paroles de {who}',
  'caption.nobody': 'Personne n’a encore parlé. Choisissez de qui sont ces paroles.',
  'caption.hidden': '{who} saisit des sous-titres. Ils sont désactivés sur cet appareil ; Alt+K y mène.',
  'note.from': '{who}',
  'note.mine': 'Vous, à {who}',
  'note.to': 'Destinataires : {who}, et personne d’autre.',
  'note.alone': 'Personne d’autre de notre partie n’est dans la salle.',
  'note.nobody': 'Non envoyé : personne d’autre de notre partie n’est dans la salle, ou le texte est trop long.',
  'note.came': 'Une note de notre partie, de {who}. Alt+N l’ouvre.',
  'note.unread': '({n} de plus)',
};

const id: Record<SpokenWord, string> = {
  'caption.of': '{who}:',
  'caption.by': '{who}, diketik oleh {by}:',
  'caption.whose': 'Ucapan {who}',
  'caption.nobody': 'Belum ada yang berbicara. Pilih ucapan siapa ini.',
  'caption.hidden': '{who} mengetik teks ucapan. Teks ini dimatikan di gawai ini; Alt+K membukanya.',
  'note.from': '{who}',
  'note.mine': 'Anda, kepada {who}',
  'note.to': 'Untuk {who}, dan tidak untuk siapa pun lagi.',
  'note.alone': 'Tidak ada orang lain dari pihak kami di ruang.',
  'note.nobody': 'Tidak terkirim: tidak ada orang lain dari pihak kami di ruang, atau teksnya terlalu panjang.',
  'note.came': 'Catatan pihak kami dari {who}. Alt+N membukanya.',
  'note.unread': '({n} baru)',
};

const ar: Record<SpokenWord, string> = {
  'caption.of': '{who}:',
  'caption.by': '{who}، كتابة {by}:',
  'caption.whose': 'كلام {who}',
  'caption.nobody': 'لم يتكلم أحد بعد. اختر صاحب الكلام.',
  'caption.hidden': '{who} يكتب الكلام المنطوق. عرضه مغلق على هذا الجهاز؛ تصل إليه بالمفتاح Alt+K.',
  'note.from': '{who}',
  'note.mine': 'أنت، إلى {who}',
  'note.to': 'تصل إلى {who} وحدهم.',
  'note.alone': 'لا أحد غيرك من جانبنا في القاعة.',
  'note.nobody': 'لم تُرسل: لا أحد غيرك من جانبنا في القاعة، أو النص طويل جدًا.',
  'note.came': 'ملاحظة من جانبنا، المرسل: {who}. تُفتح بالمفتاح Alt+N.',
  'note.unread': '(جديد: {n})',
};

export const tables: Readonly<Record<string, Record<SpokenWord, string>>> = { en, ru, fr, id, ar };

export function s(word: SpokenWord, values: Values = {}): string {
  return say(tables, word, values);
}
