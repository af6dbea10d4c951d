/** What an act does, in words made from the act itself: its title, its effects, its codes. In the languages of the pages.
 *
 * Lives here: `titleOf`, `effectsOf`, `codeWord`. Pure. A missing word is a type error.
 * Not here: the words for members (`words`), laying them out (`described`), words for what was done (the node's `sentences`).
 *
 * Nothing that the node says comes in: who signs reads what these bytes do, as this program knows it.
 */

import type { JsonObject } from '../record/canonical';
import type { Act } from '../record/entry';
import { languageIn } from '../words';

const LANGUAGES = ['en', 'ru', 'fr', 'id', 'ar'] as const;

/** The same in each of `LANGUAGES`. */
type Row = readonly [string, string, string, string, string];

function said(row: Row): string {
  return row[languageIn(LANGUAGES)] as string;
}

/** By type; "type/variant" where an act's members make it another thing to do. */
const TITLES = {
  'side.found': ['Found this side, and open its log', 'Учредить эту сторону и открыть её журнал', 'Constituer cette partie et ouvrir son journal', 'Bentuk pihak ini dan buka lognya', 'تأسيس هذا الجانب وفتح سجله'],
  'side.admit': ['Admit a delegate to our side', 'Допустить делегата к нашей стороне', 'Admettre un délégué auprès de notre partie', 'Sahkan seorang delegat pada pihak kami', 'قبول مندوب في جانبنا'],
  'side.admit/device': ['Let this device act for you in the talk', 'Разрешить этому устройству действовать за вас на переговорах', 'Autoriser cet appareil à agir pour vous durant l’entretien', 'Izinkan perangkat ini bertindak atas nama Anda dalam pembicaraan', 'السماح لهذا الجهاز بالعمل عنك في المحادثات'],
  'side.revoke': ['End a credential of our side, from here on', 'Прекратить с этого момента ключ нашей стороны', 'Mettre fin à une clé de notre partie, désormais', 'Akhiri satu kredensial pihak kami mulai sekarang', 'إنهاء مفتاح من جانبنا من الآن فصاعدًا'],
  'side.powers': ['State a delegate’s powers', 'Установить полномочия делегата', 'Conférer des pouvoirs à un délégué', 'Nyatakan kuasa seorang delegat', 'تحديد صلاحيات مندوب'],
  'side.rotate-key': ['Replace the key of our log', 'Заменить ключ нашего журнала', 'Remplacer la clé de notre journal', 'Ganti kunci log kami', 'استبدال مفتاح سجلنا'],
  'side.recover': ['Recover this side', 'Восстановить эту сторону', 'Rétablir cette partie', 'Pulihkan pihak ini', 'استعادة هذا الجانب'],
  'side.profile': ['State our side’s time zone and languages', 'Указать часовой пояс и языки нашей стороны', 'Indiquer le fuseau horaire et les langues de notre partie', 'Nyatakan zona waktu dan bahasa pihak kami', 'بيان المنطقة الزمنية واللغات لجانبنا'],
  'record.receive': ['Acknowledge what the other side wrote', 'Подтвердить написанное другой стороной', 'Accuser réception de ce que l’autre partie a écrit', 'Akui yang ditulis pihak lain', 'الإقرار بما كتبه الطرف الآخر'],
  'dialogue.end': ['End the dialogue', 'Прекратить диалог', 'Mettre fin au dialogue', 'Akhiri dialog', 'إنهاء الحوار'],
  'rules.adopt': ['Adopt an edition of the rules', 'Принять редакцию правил', 'Adopter une édition des règles', 'Terima suatu edisi aturan', 'اعتماد إصدار من القواعد'],
  'record.spend': ['Make a signature of yours worthless that never came into the log', 'Обесценить вашу подпись, не попавшую в журнал', 'Annuler l’une de vos signatures qui n’est jamais entrée au journal', 'Gugurkan tanda tangan Anda yang tidak pernah masuk ke log', 'إبطال توقيع لك لم يدخل السجل قط'],
  'content.receive': ['Acknowledge a text and all its contents', 'Подтвердить получение текста и всего содержания', 'Accuser réception d’un texte et de tous ses contenus', 'Akui penerimaan suatu naskah dan seluruh isinya', 'الإقرار باستلام نص وكل محتوياته'],
  'content.erase': ['Erase our copy of a content, for good', 'Навсегда стереть нашу копию содержания', 'Effacer définitivement notre copie d’un contenu', 'Hapus salinan kami atas suatu isi untuk selamanya', 'محو نسختنا من محتوى نهائيًا'],
  'talk.propose': ['Propose a time for a talk', 'Предложить время переговоров', 'Proposer une date pour un entretien', 'Usulkan waktu pembicaraan', 'اقتراح موعد لمحادثات'],
  'talk.propose/again': ['Propose another time for a talk', 'Предложить другое время переговоров', 'Proposer une autre date pour un entretien', 'Usulkan waktu lain untuk pembicaraan', 'اقتراح موعد آخر لمحادثات'],
  'talk.offer': ['Propose a time for a talk and accept it', 'Предложить время переговоров и принять его', 'Proposer une date pour un entretien et l’accepter', 'Usulkan waktu pembicaraan dan terima', 'اقتراح موعد لمحادثات وقبوله'],
  'talk.offer/again': ['Propose another time for a talk and accept it', 'Предложить другое время переговоров и принять его', 'Proposer une autre date pour un entretien et l’accepter', 'Usulkan waktu lain untuk pembicaraan dan terima', 'اقتراح موعد آخر لمحادثات وقبوله'],
  'talk.accept': ['Accept the time of a talk', 'Принять время переговоров', 'Accepter la date d’un entretien', 'Terima waktu pembicaraan', 'قبول موعد محادثات'],
  'talk.withdraw': ['Withdraw our yes to a time', 'Отозвать наше согласие на время', 'Retirer notre accord à une date', 'Tarik kembali persetujuan kami atas suatu waktu', 'سحب موافقتنا على موعد'],
  'talk.decline': ['Decline a time', 'Отклонить время', 'Décliner une date', 'Tolak suatu waktu', 'رفض موعد'],
  'talk.call-off': ['Call the talk off', 'Отменить переговоры', 'Annuler l’entretien', 'Batalkan pembicaraan', 'إلغاء المحادثات'],
  'talk.conclude': ['Conclude the talk', 'Завершить переговоры', 'Clôturer l’entretien', 'Tutup pembicaraan', 'اختتام المحادثات'],
  'talk.delegation': ['Name our delegation to this talk', 'Назвать нашу делегацию на эти переговоры', 'Désigner notre délégation à cet entretien', 'Sebutkan delegasi kami untuk pembicaraan ini', 'تسمية وفدنا إلى هذه المحادثات'],
  'item.propose': ['Propose an item for the agenda', 'Предложить пункт повестки', 'Proposer un point de l’ordre du jour', 'Usulkan butir agenda', 'اقتراح بند لجدول الأعمال'],
  'agenda.rank': ['Rank the items by importance', 'Расставить пункты по важности', 'Classer les points par importance', 'Urutkan butir menurut kepentingan', 'ترتيب البنود حسب الأهمية'],
  'agenda.table': ['Table the agenda', 'Внести повестку', 'Déposer l’ordre du jour', 'Ajukan agenda', 'طرح جدول الأعمال'],
  'agenda.offer': ['Table the agenda and seal it', 'Внести и скрепить повестку', 'Déposer l’ordre du jour et y apposer le sceau', 'Ajukan agenda dan bubuhkan segel', 'طرح جدول الأعمال وختمه'],
  'agenda.approve': ['Seal the agenda', 'Скрепить повестку', 'Apposer le sceau à l’ordre du jour', 'Bubuhkan segel pada agenda', 'ختم جدول الأعمال'],
  'agenda.withdraw': ['Withdraw our seal from an agenda', 'Снять нашу печать с повестки', 'Retirer notre sceau d’un ordre du jour', 'Tarik kembali segel kami dari agenda', 'سحب ختمنا عن جدول أعمال'],
  'agenda.decline': ['Decline an agenda', 'Отклонить повестку', 'Décliner un ordre du jour', 'Tolak suatu agenda', 'رفض جدول أعمال'],
  'item.position': ['State our position', 'Изложить нашу позицию', 'Énoncer notre position', 'Nyatakan posisi kami', 'بيان موقفنا'],
  'item.position/held': ['Hold back our position until we table it', 'Придержать нашу позицию, пока мы её не внесём', 'Réserver notre position jusqu’à ce que nous la déposions', 'Tahan posisi kami sampai kami mengajukannya', 'حجب موقفنا إلى أن نطرحه'],
  'item.paper': ['Give a paper to the other side', 'Передать документ другой стороне', 'Remettre un document à l’autre partie', 'Serahkan dokumen kepada pihak lain', 'تسليم ورقة إلى الجانب الآخر'],
  'item.initiative': ['Propose an initiative under this item', 'Предложить инициативу по этому пункту', 'Proposer une initiative au titre de ce point', 'Usulkan prakarsa pada butir ini', 'اقتراح مبادرة ضمن هذا البند'],
  'item.put': ['Put an item on the table', 'Поставить пункт на обсуждение', 'Mettre un point sur la table', 'Angkat satu butir ke meja', 'طرح بند على الطاولة'],
  'relation.condition': ['State how our side finds the relation', 'Описать, какими наша сторона находит отношения', 'Dire comment notre partie trouve la relation', 'Nyatakan penilaian pihak kami tentang hubungan', 'بيان حال العلاقة كما يراها جانبنا'],
  'sitting.open': ['Open our half of the sitting', 'Открыть нашу половину заседания', 'Ouvrir notre moitié de la séance', 'Buka bagian kami dari sidang', 'فتح نصفنا من الجلسة'],
  'sitting.leave': ['End our part of the sitting', 'Закончить нашу часть заседания', 'Mettre fin à notre part de la séance', 'Akhiri bagian kami dari sidang', 'إنهاء نصيبنا من الجلسة'],
  'sitting.summary': ['Enter the floor time of the sitting', 'Внести время выступлений на заседании', 'Inscrire le temps de parole de la séance', 'Masukkan waktu bicara sidang', 'تقييد وقت الكلام في الجلسة'],
  'understanding.table': ['Table a text', 'Внести текст', 'Déposer un texte', 'Ajukan naskah', 'طرح نص'],
  'understanding.table/again': ['Table an amendment', 'Внести изменение текста', 'Déposer une modification du texte', 'Ajukan perubahan naskah', 'طرح تعديل لنص'],
  'understanding.offer': ['Table a text and sign it', 'Внести и подписать текст', 'Déposer un texte et le signer', 'Ajukan naskah dan tanda tangani', 'طرح نص وتوقيعه'],
  'understanding.offer/again': ['Table an amendment and sign it', 'Внести и подписать изменение текста', 'Déposer une modification du texte et la signer', 'Ajukan perubahan naskah dan tanda tangani', 'طرح تعديل لنص وتوقيعه'],
  'understanding.initial': ['Initial this text as settled', 'Парафировать этот текст как согласованный', 'Parapher ce texte comme arrêté', 'Bubuhkan paraf: naskah ini telah disepakati', 'التوقيع بالأحرف الأولى على أن هذا النص استقر'],
  'understanding.divergence': ['Note how we read a place where the languages differ', 'Отметить, как мы читаем место, где языки расходятся', 'Déclarer notre lecture d’un passage où les langues divergent', 'Catat penafsiran kami atas bagian yang berbeda antarbahasa', 'تدوين قراءتنا لموضع تختلف فيه اللغتان'],
  'understanding.sign': ['Sign this text', 'Подписать этот текст', 'Signer ce texte', 'Tanda tangani naskah ini', 'توقيع هذا النص'],
  'understanding.withdraw': ['Withdraw our signature', 'Отозвать нашу подпись', 'Retirer notre signature', 'Tarik kembali tanda tangan kami', 'سحب توقيعنا'],
  'understanding.decline': ['Decline this text', 'Отклонить этот текст', 'Décliner ce texte', 'Tolak naskah ini', 'رفض هذا النص'],
  'understanding.end': ['End an understanding', 'Прекратить договорённость', 'Mettre fin à une entente', 'Akhiri suatu kesepahaman', 'إنهاء تفاهم'],
  'understanding.assess': ['Assess an understanding', 'Оценить договорённость', 'Évaluer une entente', 'Nilai suatu kesepahaman', 'تقييم تفاهم'],
  'readout.clear': ['Clear a readout', 'Одобрить сообщение', 'Valider un communiqué', 'Beri izin terbit bagi keterangan pers', 'إجازة بيان'],
  'readout.release': ['Release a readout', 'Выпустить сообщение', 'Publier un communiqué', 'Terbitkan keterangan pers', 'نشر بيان'],
  'readout.table-joint': ['Table a joint readout', 'Внести совместное сообщение', 'Déposer un communiqué conjoint', 'Ajukan keterangan pers bersama', 'طرح بيان مشترك'],
  'readout.offer-joint': ['Table a joint readout and seal it', 'Внести и скрепить совместное сообщение', 'Déposer un communiqué conjoint et y apposer le sceau', 'Ajukan keterangan pers bersama dan bubuhkan segel', 'طرح بيان مشترك وختمه'],
  'readout.approve-joint': ['Seal a joint readout', 'Скрепить совместное сообщение', 'Apposer le sceau à un communiqué conjoint', 'Bubuhkan segel pada keterangan pers bersama', 'ختم بيان مشترك'],
  'readout.withdraw-joint': ['Withdraw our seal from a joint readout', 'Снять нашу печать с совместного сообщения', 'Retirer notre sceau d’un communiqué conjoint', 'Tarik kembali segel kami dari keterangan pers bersama', 'سحب ختمنا عن بيان مشترك'],
  'readout.decline-joint': ['Decline a joint readout', 'Отклонить совместное сообщение', 'Décliner un communiqué conjoint', 'Tolak keterangan pers bersama', 'رفض بيان مشترك'],
  'readout.release-joint': ['Release the joint readout', 'Выпустить совместное сообщение', 'Publier le communiqué conjoint', 'Terbitkan keterangan pers bersama', 'نشر البيان المشترك'],
  'statement.clear': ['Clear a statement', 'Одобрить заявление', 'Valider une déclaration', 'Beri izin terbit bagi pernyataan', 'إجازة تصريح'],
  'statement.release': ['Release a statement', 'Выпустить заявление', 'Publier une déclaration', 'Terbitkan pernyataan', 'نشر تصريح'],
  'statement.announce': ['Say whether a statement is expected', 'Сказать, ожидается ли заявление', 'Dire si une déclaration est prévue', 'Nyatakan apakah pernyataan direncanakan', 'القول هل يُتوقع تصريح'],
  'press-call.arm': ['Say whether a press call is expected', 'Сказать, ожидается ли звонок для прессы', 'Dire si une conférence de presse est prévue', 'Nyatakan apakah konferensi pers direncanakan', 'القول هل يُتوقع مؤتمر صحفي'],
  'press-call.call': ['Call our press call', 'Созвать наш звонок для прессы', 'Convoquer notre conférence de presse', 'Adakan konferensi pers kami', 'الدعوة إلى مؤتمرنا الصحفي'],
} as const satisfies Record<string, Row>;

type Title = keyof typeof TITLES;

const EFFECTS = {
  gives: ['The other side can open it from then on, and keeps it.', 'С этого момента другая сторона может его открыть и хранит его у себя.', 'L’autre partie peut l’ouvrir dès lors, et le garde.', 'Sejak saat itu pihak lain dapat membukanya dan menyimpannya.', 'يستطيع الجانب الآخر فتحها من حينها ويحتفظ بها.'],
  bothTable: ['Tabling binds nobody: it is in force when both sides have agreed to it.', 'Внесение никого не связывает: в силе это, когда согласились обе стороны.', 'Le dépôt ne lie personne : c’est en vigueur quand les deux parties y ont consenti.', 'Pengajuan tidak mengikat siapa pun: berlaku bila kedua pihak telah menyetujuinya.', 'الطرح لا يُلزم أحدًا: يصير نافذًا حين يوافق عليه الجانبان.'],
  offers: ['It tables this and agrees to it for our side: it is in force as soon as the other side agrees.', 'Этим оно вносится и принимается нашей стороной: в силе оно, как только согласится другая сторона.', 'Cela le dépose et y consent pour notre partie : c’est en vigueur dès que l’autre partie y consent.', 'Ini mengajukan dan sekaligus menyetujuinya bagi pihak kami: berlaku begitu pihak lain setuju.', 'بهذا يُطرح ويوافق عليه جانبنا: يصير نافذًا متى وافق الطرف الآخر.'],
  consents: ['Our side agrees to what stands here, word for word: it is in force as soon as both sides have agreed to this one hash.', 'Наша сторона соглашается с тем, что здесь стоит, слово в слово: в силе оно, как только обе стороны согласились с этим одним хешем.', 'Notre partie consent à ce qui figure ici, mot pour mot : c’est en vigueur dès que les deux parties ont consenti à cette même empreinte.', 'Pihak kami menyetujui yang tercantum di sini kata demi kata: berlaku begitu kedua pihak menyetujui satu hash ini.', 'يوافق جانبنا على الوارد هنا حرفًا بحرف: يصير نافذًا متى وافق الجانبان على هذه البصمة الواحدة.'],
  withdraws: ['It counts when the other side has heard of it. Until then they may still agree.', 'Это считается, когда другая сторона об этом услышала. До тех пор она ещё может согласиться.', 'Cela vaut quand l’autre partie en a eu connaissance. Jusque-là, elle peut encore consentir.', 'Ini berlaku setelah pihak lain mengetahuinya. Sampai saat itu mereka masih dapat menyetujui.', 'يُحتسب هذا حين يعلم به الطرف الآخر. وإلى ذلك الحين لهم أن يوافقوا.'],
  initials: ['Initialling binds nobody: it says that the text is settled. It is in force when both have signed.', 'Парафирование никого не связывает: оно говорит, что текст согласован. В силе он, когда подписали обе стороны.', 'Le paraphe ne lie personne : il dit que le texte est arrêté. Il est en vigueur quand les deux ont signé.', 'Paraf tidak mengikat siapa pun: artinya naskah telah disepakati. Naskah berlaku bila keduanya telah menandatangani.', 'التوقيع بالأحرف الأولى لا يُلزم أحدًا: يقول إن النص استقر. ويصير نافذًا حين يوقّعه الاثنان.'],
  endsBoth: ['It ends for both sides, at once and for good. It cannot be taken back.', 'Она прекращается для обеих сторон, сразу и навсегда. Вернуть этого нельзя.', 'Elle prend fin pour les deux parties, sur-le-champ et définitivement. Cela ne peut être repris.', 'Ini berakhir bagi kedua pihak, seketika dan untuk selamanya. Tidak dapat ditarik kembali.', 'ينتهي للجانبين فورًا ونهائيًا. ولا رجعة فيه.'],
  notTaken: ['The talk will not take place.', 'Переговоры не состоятся.', 'L’entretien n’aura pas lieu.', 'Pembicaraan tidak akan berlangsung.', 'لن تُعقد المحادثات.'],
  noMore: ['There will be no more sittings.', 'Заседаний больше не будет.', 'Il n’y aura plus de séance.', 'Tidak akan ada sidang lagi.', 'لن تكون هناك جلسات أخرى.'],
  sits: ['It sits when the other side has opened it too. Either side ends it at once by leaving.', 'Оно идёт, когда его открыла и другая сторона. Любая сторона сразу заканчивает его, уйдя.', 'Elle siège quand l’autre partie l’a ouverte aussi. L’une ou l’autre y met fin sur-le-champ en partant.', 'Sidang berlangsung bila pihak lain juga membukanya. Masing-masing pihak mengakhirinya seketika dengan keluar.', 'تنعقد حين يفتحها الطرف الآخر أيضًا. ولأي جانب أن ينهيها فورًا بالمغادرة.'],
  over: ['The sitting is over at once.', 'Заседание сразу заканчивается.', 'La séance prend fin sur-le-champ.', 'Sidang berakhir seketika.', 'تنتهي الجلسة فورًا.'],
  stands: ['What it signed before stands.', 'Подписанное им прежде остаётся.', 'Ce qu’elle a signé auparavant demeure.', 'Yang telah ditandatanganinya tetap berlaku.', 'ما وقّعه من قبل باقٍ.'],
  deviceBinds: ['It never binds your side: what binds needs your passkey, each time.', 'Вашу сторону оно не связывает: для того, что связывает, каждый раз нужен ваш ключ доступа.', 'Il ne lie jamais votre partie : ce qui lie exige votre clé d’accès, chaque fois.', 'Perangkat ini tidak pernah mengikat pihak Anda: yang mengikat selalu memerlukan kunci sandi Anda.', 'لا يُلزم جانبكم أبدًا: ما يُلزم يحتاج إلى مفتاح مرورك كل مرة.'],
  deviceEnds: ['You can end it at any time.', 'Прекратить это можно в любое время.', 'Vous pouvez y mettre fin à tout moment.', 'Anda dapat mengakhirinya kapan saja.', 'يمكنك إنهاؤه في أي وقت.'],
  adopts: ['It is in force when both sides have adopted it. What was judged before stays as it was judged.', 'В силе она, когда её приняли обе стороны. Рассмотренное прежде остаётся, как было рассмотрено.', 'Elle est en vigueur quand les deux parties l’ont adoptée. Ce qui a été jugé auparavant reste jugé de même.', 'Berlaku bila kedua pihak telah menerimanya. Yang telah dinilai sebelumnya tetap sebagaimana dinilai.', 'يصير نافذًا حين يعتمده الجانبان. وما حُكم فيه من قبل يبقى كما حُكم.'],
  rotates: ['From this entry on the new key signs our log, and the key before it signs nothing more.', 'С этой записи наш журнал подписывает новый ключ, а прежний больше ничего не подписывает.', 'À partir de cette inscription, la nouvelle clé signe notre journal et la précédente ne signe plus rien.', 'Mulai entri ini kunci baru menandatangani log kami, dan kunci sebelumnya tidak lagi menandatangani apa pun.', 'من هذا القيد فصاعدًا يوقّع المفتاح الجديد سجلنا، ولا يوقّع المفتاح السابق شيئًا بعد.'],
  moves: ['From this entry on our log is written at another node, {address}. This node writes nothing more of ours.', 'С этой записи наш журнал ведётся на другом узле, {address}. Этот узел больше ничего нашего не пишет.', 'À partir de cette inscription, notre journal est tenu sur un autre nœud, {address}. Ce nœud n’inscrit plus rien de nous.', 'Mulai entri ini log kami ditulis di simpul lain, {address}. Simpul ini tidak lagi menulis apa pun milik kami.', 'من هذا القيد فصاعدًا يُكتب سجلنا في عقدة أخرى، {address}. ولا تكتب هذه العقدة لنا شيئًا بعد.'],
  disowns: ['We declare false the checkpoint of {disown} entries that was shown. If it is true, entries of ours are missing here, and this begins a second history of our log.', 'Мы объявляем ложной показанную контрольную точку, в которой записей: {disown}. Если она верна, здесь не хватает наших записей, и это начинает вторую историю нашего журнала.', 'Nous déclarons faux le point de contrôle de {disown} inscriptions qui a été montré. S’il est vrai, des inscriptions à nous manquent ici, et ceci commence une seconde histoire de notre journal.', 'Kami menyatakan palsu titik periksa {disown} entri yang ditunjukkan itu. Jika benar, ada entri kami yang hilang di sini, dan ini memulai riwayat kedua log kami.', 'نعلن بطلان نقطة التحقق المعروضة، وقيودها {disown}. فإن كانت صحيحة فقيود لنا ناقصة هنا، وهذا يبدأ تاريخًا ثانيًا لسجلنا.'],
  spends: ['Whatever you signed with it is void if anybody enters it from here on. If it is in the log already, it stands, and this is refused.', 'Всё, что вы с ним подписали, недействительно, если кто-то внесёт это отныне. Если оно уже в журнале, оно остаётся, а это отклоняется.', 'Tout ce que vous avez signé avec lui est nul si quelqu’un l’inscrit désormais. Si c’est déjà au journal, cela demeure, et ceci est refusé.', 'Apa pun yang Anda tandatangani dengannya batal bila ada yang memasukkannya mulai sekarang. Jika sudah ada dalam log, itu tetap berlaku dan ini ditolak.', 'كل ما وقّعتَه به باطل إن قيّده أحد من الآن. وإن كان في السجل من قبل بقي ورُفض هذا.'],
  dialogueEnds: ['Nothing new can be agreed in it. Our own open consents are withdrawn. What is in force stays in force, and can still be ended.', 'Ничего нового в нём согласовать нельзя. Наши открытые согласия отзываются. То, что в силе, остаётся в силе, и его ещё можно прекратить.', 'Rien de nouveau ne peut y être convenu. Nos consentements ouverts sont retirés. Ce qui est en vigueur le reste et peut encore prendre fin.', 'Tidak ada hal baru yang dapat disepakati di dalamnya. Persetujuan kami yang masih terbuka ditarik kembali. Yang berlaku tetap berlaku dan masih dapat diakhiri.', 'لا يمكن الاتفاق فيه على جديد. وتُسحب موافقاتنا المعلّقة. ويبقى النافذ نافذًا ويمكن إنهاؤه.'],
  erases: ['Our copy and its salt go: from our pages, our exports and our print. The other side keeps the copy that it received, unless it erases that too.', 'Наша копия и её соль исчезают: с наших страниц, из выгрузок и из печати. Другая сторона хранит полученную копию, если не сотрёт и её.', 'Notre copie et son sel disparaissent : de nos pages, de nos exports et de nos impressions. L’autre partie garde la copie qu’elle a reçue, à moins de l’effacer aussi.', 'Salinan kami beserta garamnya hilang: dari halaman, ekspor, dan cetakan kami. Pihak lain tetap menyimpan salinan yang diterimanya, kecuali bila mereka menghapusnya juga.', 'تزول نسختنا وملحها: من صفحاتنا وصادراتنا ومطبوعاتنا. ويحتفظ الطرف الآخر بالنسخة التي تسلّمها ما لم يمحها أيضًا.'],
  logStays: ['The log stays whole: the commitment stays in it, and everybody sees that and when our side erased. Copies in exported bundles and in backups of the node’s disk are not reached.', 'Журнал остаётся целым: обязательство остаётся в нём, и всем видно, что и когда наша сторона стёрла. Копии в выгруженных пакетах и резервных копиях диска узла этим не затронуты.', 'Le journal reste entier : l’engagement cryptographique y demeure, et chacun voit que notre partie a effacé, et quand. Les copies dans les liasses exportées et les sauvegardes du disque du nœud ne sont pas atteintes.', 'Log tetap utuh: komitmennya tetap ada di dalamnya, dan semua orang melihat bahwa dan kapan pihak kami menghapusnya. Salinan dalam bundel yang diekspor dan cadangan diska simpul tidak terjangkau.', 'يبقى السجل كاملًا: يبقى الالتزام فيه، ويرى الجميع أن جانبنا محا ومتى. ولا يطال ذلك النسخ في الحزم المصدّرة ولا في النسخ الاحتياطية لقرص العقدة.'],
  noWayBack: ['Nobody can take this back.', 'Вернуть этого не может никто.', 'Personne ne peut revenir là-dessus.', 'Tidak seorang pun dapat menariknya kembali.', 'لا أحد يستطيع الرجوع عن هذا.'],
  clears: ['Clearing publishes nothing: it is out when it is released.', 'Одобрение ничего не публикует: оно выходит, когда его выпускают.', 'Valider ne publie rien : cela paraît quand c’est publié.', 'Izin terbit belum menerbitkan apa pun: siaran keluar saat diterbitkan.', 'الإجازة لا تنشر شيئًا: يخرج حين يُنشر.'],
  public: ['From now on everybody can read it; nobody can take it back.', 'Отныне это может прочесть каждый; вернуть этого не может никто.', 'Désormais chacun peut le lire ; personne ne peut le reprendre.', 'Mulai sekarang semua orang dapat membacanya; tidak seorang pun dapat menariknya kembali.', 'من الآن يستطيع الجميع قراءته؛ ولا أحد يستطيع سحبه.'],
  held: ['The other side cannot read it until we table it, as it is, word for word.', 'Другая сторона не может прочесть её, пока мы её не внесём, как она есть, слово в слово.', 'L’autre partie ne peut la lire avant que nous la déposions, telle quelle, mot pour mot.', 'Pihak lain tidak dapat membacanya sampai kami mengajukannya apa adanya, kata demi kata.', 'لا يستطيع الطرف الآخر قراءته حتى نطرحه كما هو حرفًا بحرف.'],
  pressTold: ['Accredited journalists are told.', 'Аккредитованных журналистов извещают.', 'Les journalistes accrédités sont avertis.', 'Wartawan terakreditasi diberi tahu.', 'يُخبَر الصحفيون المعتمدون.'],
  correction: ['It corrects the text in force from the beginning.', 'Это исправляет действующий текст с самого начала.', 'Cela corrige depuis le début le texte en vigueur.', 'Ini mengoreksi naskah yang berlaku sejak awal.', 'هذا يصحح النص النافذ من البداية.'],
  nobody: ['It names nobody.', 'Никого не названо.', 'Personne n’y est nommé.', 'Tidak seorang pun disebut.', 'لا يسمّي أحدًا.'],
} as const satisfies Record<string, Row>;

type Effect = keyof typeof EFFECTS;

const BY_TYPE: Readonly<Record<string, readonly Effect[]>> = {
  'item.paper': ['gives'],
  'side.revoke': ['stands'], 'rules.adopt': ['adopts'], 'record.spend': ['spends'], 'dialogue.end': ['dialogueEnds'],
  'content.erase': ['erases', 'logStays', 'noWayBack'],
  'talk.propose': ['bothTable'], 'talk.offer': ['offers'], 'talk.accept': ['consents'], 'talk.withdraw': ['withdraws'],
  'talk.call-off': ['notTaken'], 'talk.conclude': ['noMore'],
  'agenda.table': ['bothTable'], 'agenda.offer': ['offers'], 'agenda.approve': ['consents'], 'agenda.withdraw': ['withdraws'],
  'sitting.open': ['sits'], 'sitting.leave': ['over'],
  'understanding.table': ['bothTable'], 'understanding.offer': ['offers'], 'understanding.initial': ['initials'],
  'understanding.sign': ['consents'], 'understanding.withdraw': ['withdraws'], 'understanding.end': ['endsBoth'],
  'readout.clear': ['clears'], 'statement.clear': ['clears'], 'readout.release': ['public'], 'statement.release': ['public'],
  'readout.table-joint': ['bothTable'], 'readout.offer-joint': ['offers'], 'readout.approve-joint': ['consents'],
  'readout.withdraw-joint': ['withdraws'], 'readout.release-joint': ['public'], 'press-call.call': ['pressTold'],
};

/** Codes of the record, where they stand for a word of a person's. */
const CODES = {
  video: ['by video conference', 'по видеосвязи', 'par visioconférence', 'melalui konferensi video', 'عبر الفيديو'],
  'in-person': ['in person', 'лично', 'en personne', 'secara langsung', 'حضوريًا'],
  expected: ['expected', 'ожидается', 'à venir', 'direncanakan', 'متوقع'],
  'if-necessary': ['if need be', 'при необходимости', 'au besoin', 'bila perlu', 'عند الحاجة'],
  'not-expected': ['not expected', 'не ожидается', 'non prévu', 'tidak direncanakan', 'غير متوقع'],
  review: ['review', 'обзор', 'examen', 'peninjauan', 'مراجعة'],
  relation: ['the relation', 'отношения', 'la relation', 'hubungan', 'العلاقة'],
  issue: ['an issue', 'вопрос', 'une question', 'persoalan', 'مسألة'],
  understanding: ['understanding', 'договорённость', 'entente', 'kesepahaman', 'تفاهم'],
  guarantee: ['guarantee', 'гарантия', 'garantie', 'jaminan', 'ضمان'],
  implemented: ['implemented', 'выполнено', 'mise en œuvre', 'dilaksanakan', 'نُفّذ'],
  'extra-effort': ['extra effort', 'дополнительные усилия', 'efforts accrus', 'upaya tambahan', 'جهد إضافي'],
  'not-begun': ['not begun', 'не начато', 'non commencée', 'belum dimulai', 'لم يبدأ'],
  good: ['good', 'хорошие', 'bonne', 'baik', 'جيدة'],
  fair: ['fair', 'удовлетворительные', 'correcte', 'cukup', 'مقبولة'],
  strained: ['strained', 'напряжённые', 'tendue', 'tegang', 'متوترة'],
  poor: ['poor', 'плохие', 'mauvaise', 'buruk', 'سيئة'],
  broken: ['broken off', 'разорваны', 'rompue', 'putus', 'مقطوعة'],
  deposit: ['held back', 'придержана', 'réservée', 'ditahan', 'محجوب'],
  table: ['tabled', 'внесена', 'déposée', 'diajukan', 'مطروح'],
  principal: ['Principal', 'Глава', 'Chef de délégation', 'Ketua delegasi', 'رئيس الوفد'],
  'protocol-officer': ['Protocol officer', 'Сотрудник протокола', 'Responsable du protocole', 'Pejabat protokol', 'موظف المراسم'],
  adviser: ['Adviser', 'Советник', 'Conseiller', 'Penasihat', 'مستشار'],
  'press-officer': ['Press officer', 'Пресс-секретарь', 'Responsable de la presse', 'Pejabat pers', 'مسؤول الصحافة'],
  interpreter: ['Interpreter', 'Переводчик', 'Interprète', 'Juru bahasa', 'مترجم'],
  admit: ['admit and revoke delegates', 'допускать и отзывать делегатов', 'admettre et révoquer des délégués', 'mengesahkan dan mencabut delegat', 'قبول المندوبين وإلغاؤهم'],
  schedule: ['set times and agendas', 'назначать время и повестку', 'fixer dates et ordres du jour', 'menetapkan waktu dan agenda', 'تحديد المواعيد وجداول الأعمال'],
  sign: ['sign texts', 'подписывать тексты', 'signer des textes', 'menandatangani naskah', 'توقيع النصوص'],
  record: ['agree to a recording', 'соглашаться на запись', 'consentir à un enregistrement', 'menyetujui perekaman', 'الموافقة على تسجيل'],
  release: ['release to the press', 'выпускать для прессы', 'publier à l’intention de la presse', 'menerbitkan bagi pers', 'النشر للصحافة'],
  speak: ['state positions and assessments', 'излагать позиции и оценки', 'exposer positions et évaluations', 'menyatakan posisi dan penilaian', 'بيان المواقف والتقييمات'],
} as const satisfies Record<string, Row>;

const CODED: ReadonlySet<string> = new Set([
  'mode', 'kind', 'grade', 'verdict', 'stage', 'expected', 'press_call', 'statement', 'role', 'powers',
]);

/** What it is to sign this act, in one line. An act that this program does not know is named by its type. */
export function titleOf(act: Act): string {
  const variant = act['passkey'] === null ? 'device' : act['stage'] === 'deposit' ? 'held' : act['base'] ? 'again' : '';
  const key = Object.hasOwn(TITLES, `${act.type}/${variant}`) ? `${act.type}/${variant}` : act.type;
  return Object.hasOwn(TITLES, key) ? said(TITLES[key as Title]) : act.type;
}

/** What comes of it, a sentence each. asked: the command and its fields, where this program asked for it: two of them
 * say what the act's own members cannot, an address and the size of a checkpoint. */
export function effectsOf(act: Act, asked?: { readonly command: string; readonly fields: JsonObject }): string[] {
  const { type } = act;
  const found: Effect[] = [...(Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] as readonly Effect[] : [])];
  if (type === 'side.admit' && act['passkey'] === null) found.push('deviceBinds', 'deviceEnds');
  if (type === 'side.rotate-key') {
    found.push(asked?.command === 'dialogue.move' ? 'moves' : 'rotates');
    if (asked?.fields['disown']) found.push('disowns');
  }
  if (type === 'item.position' && act['stage'] === 'deposit') found.push('held');
  if (act['correction'] === true) found.unshift('correction');
  if (Array.isArray(act['delegates']) && act['delegates'].length === 0) found.push('nobody');
  return found.map(effect => said(EFFECTS[effect]).replace(/\{(\w+)\}/g, (_whole, name: string) => String(asked?.fields[name] ?? '')));
}

/** The word for a member's code; null where the member has none. */
export function codeWord(member: string, code: string): string | null {
  return CODED.has(member) && Object.hasOwn(CODES, code) ? said(CODES[code as keyof typeof CODES]) : null;
}

/** Types that have a title, for the test that holds them to the rule book. */
export const titled: ReadonlySet<string> = new Set(Object.keys(TITLES).map(key => key.split('/')[0] as string));
