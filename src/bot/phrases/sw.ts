import type { Preset, Purpose } from '../../core/classes.ts'
import type { SafeguardKind } from '../../core/safeguards.ts'
import { dayAndTime } from './dates.ts'
import type { Phrases } from './phrases.ts'

const months = 'Jan Feb Mac Apr Mei Jun Jul Ago Sep Okt Nov Des'.split(' ')

const presetWords: Readonly<Record<Preset, string>> = {
  BASIC: 'TAARIFA ZA MSINGI',
  LAB_RESULTS: 'MAJIBU YA MAABARA',
  MEDICINES: 'DAWA',
  VACCINES: 'CHANJO',
  VISITS: 'ZIARA ZA KLINIKI',
  ALL: 'TAARIFA ZOTE',
  PRIVATE: 'TAARIFA ZA SIRI',
}

/** What she sends to loosen, and what comes of it. */
const looseningWords: Readonly<Record<SafeguardKind, { send: string; means: string }>> = {
  unfreeze: { send: 'ENDELEZA', means: 'uliowaruhusu wataona rekodi yako tena' },
  allowEmergency: { send: 'DHARURA NDIYO', means: 'madaktari wanaweza kufungua rekodi yako kwa dharura' },
  lowerAssurance: { send: 'MSIMBO HAPANA', means: 'jibu bila msimbo linaruhusu' },
  replaceCard: { send: 'KADI', means: 'kadi yako mpya itatumika' },
}

/** While another one waits for her word, she has two. */
const cardFor = (safeguard: SafeguardKind) => (safeguard === 'replaceCard' ? 'kadi ya zamani' : 'kadi yako')

const purposeWords: Readonly<Record<Purpose, string>> = {
  treatment: '',
  payment: ' kwa malipo',
  research: ' kwa utafiti',
  patientRequest: ' kwa ombi lako',
  emergency: ' kwa dharura',
}

const time = (days: number, oneTime: boolean) => (oneTime ? 'mara moja' : `siku ${days}`)

/** What a list leaves out to stay one text is counted, so that nobody takes it for the whole. */
const more = (count: number) => `na ${count} zaidi`

/** How a request is answered that took a line of her card, with the one thing that staff must never do. */
const withCode = (number: number, line: number) =>
  `Kataa: ${number} 2. Ruhusu: ${number} na msimbo wa mstari ${line}; wahudumu wasiuombe.`

export const sw: Phrases = {
  prompt: (p) =>
    p.line === null
      ? `${p.number}: ${p.doctor}, ${p.hospital}, anaomba kuona ${presetWords[p.preset]}${purposeWords[p.purpose]}, ${time(p.days, p.oneTime)}. Jibu ${p.number} 1 ruhusu, ${p.number} 2 kataa, ${p.number} 9 si mimi.`
      : `${p.number}: ${p.doctor}, ${p.hospital}: ${presetWords[p.preset]}${purposeWords[p.purpose]}, ${time(p.days, p.oneTime)}. ${withCode(p.number, p.line)}`,
  reminder: (p) =>
    p.line === null
      ? `Bado wazi: ${p.number}: ${p.doctor}, ${p.hospital}: ${presetWords[p.preset]}${purposeWords[p.purpose]}, ${time(p.days, p.oneTime)}. ${p.number} 1 ruhusu, ${p.number} 2 kataa, ${p.number} 9 si mimi.`
      : `Bado wazi: ${p.number}: ${p.doctor}: ${presetWords[p.preset]}${purposeWords[p.purpose]}, ${time(p.days, p.oneTime)}. ${withCode(p.number, p.line)}`,
  granted: (p, zone) =>
    `${p.number}: ${p.doctor} ameruhusiwa kuona ${presetWords[p.preset]} hadi ${dayAndTime(p.until, zone, months)}. Kuondoa ruhusa: ONDOA ${p.number}`,
  grantFailed: (p) => `${p.number}: haikuwezekana kuruhusu. Hakuna kilichofunguliwa. Daktari anaweza kuomba tena.`,
  refused: (p) => `${p.number}: umekataa. Hakuna atakayeona. Matibabu yako hayapaswi kubadilika kwa sababu hiyo.`,
  notMe: (p) => `${p.number}: imekataliwa kwa kuwa si yako. Asante, hospitali itafuatilia.`,
  removed: (p) => `${p.number}: ${p.doctor} hawezi tena kuona rekodi yako. Matibabu yako hayapaswi kubadilika.`,
  emergency: (p) =>
    `${p.number}: Dharura: ${p.doctor}, ${p.hospital}, amefungua rekodi yako kwa saa 24. Jibu ${p.number} 9 kama si sawa. Kuondoa ruhusa: ONDOA ${p.number}`,
  howToDispute: (p, zone) =>
    `${p.number}: ${p.doctor} amefungua rekodi yako kwa dharura, hadi ${dayAndTime(p.until, zone, months)}. Jibu ${p.number} 9 kama si sawa. Kuondoa ruhusa: ONDOA ${p.number}`,
  disputed: (p) =>
    `${p.number}: imefungwa. ${p.doctor} hawezi tena kuona rekodi yako, na hospitali itafuatilia. Matibabu yako hayapaswi kubadilika.`,
  alreadyAllowed: (p, zone) =>
    `${p.number}: ${p.doctor} tayari ameruhusiwa hadi ${dayAndTime(p.until, zone, months)}. Kuondoa ruhusa: ONDOA ${p.number}`,
  alreadyOnItsWay: (p) => `${p.number}: tumepokea ndiyo yako na tunaiandika. Tutakuambia ikikamilika.`,
  ended: (p) => `${p.number}: ombi hili limekwisha. Hakuna kilichobadilika.`,
  undoTooLate: (p) => `${p.number}: zaidi ya dakika 10 zimepita. Kuondoa ruhusa: ONDOA ${p.number}`,
  undoRefusal: (p) => `${p.number}: umeshakataa. Ukitaka kuruhusu, mwambie daktari atume ombi jipya.`,
  howToAnswer: (p) =>
    `Kujibu ${p.number}: ${p.number} 1 ruhusu, ${p.number} 2 kataa, ${p.number} 9 si mimi. Hakuna kilichoruhusiwa.`,
  codeNeeded: (p) =>
    `Kuruhusu ${p.number}: tuma ${p.number} na msimbo wa mstari ${p.line} wa kadi. Kukataa: ${p.number} 2. Hakuna kilichoruhusiwa. Wahudumu wasiombe msimbo wako.`,
  codeWrong: (p) =>
    `${p.number}: haikulingana. Hakuna kilichoruhusiwa. Angalia mstari ${p.line} wa kadi yako, kisha tuma tena ${p.number} na msimbo wake.`,
  sharingPaused: (p, zone) =>
    `Ruhusa zimesitishwa hadi ${dayAndTime(p.until, zone, months)}: msimbo haukulingana mara 3. Hakuna anayeweza kufungua rekodi yako. Si wewe? Mwambie mhudumu wa afya.`,
  howToRemove: (p) => `${p.number}: ${p.doctor} anaweza kuona rekodi yako. Kuondoa ruhusa: ONDOA ${p.number}`,
  whichOne: (p) =>
    `Maombi yaliyo wazi: ${p.numbers.slice(0, 5).join(', ')}${p.numbers.length > 5 ? ` ${more(p.numbers.length - 5)}` : ''}. Hakuna kilichoruhusiwa. Jibu kila moja kwa namba yake, kama ${p.numbers[0]} ${p.code ? 'na msimbo' : '1'} ruhusu au ${p.numbers[0]} 2 kataa.`,
  noSuchNumber: () => 'Hakuna ombi lenye namba hiyo. Hakuna kilichobadilika. Tuma MENYU kuona unachoweza kufanya.',
  nothingOpen: () =>
    'Hakuna ombi linalokusubiri. Tuma NANI kuona aliyeruhusiwa, HISTORIA aliyeangalia, MENYU kwa zaidi.',
  tooSoon: (p) => `${p.number}: bado haijawa tayari. Tafadhali jibu tena baada ya dakika moja. Hakuna kilichobadilika.`,
  log: (p, zone) =>
    p.looks.length === 0
      ? 'Hakuna aliyeangalia rekodi yako.'
      : `Walioangalia: ${p.looks.map((look) => `${look.doctor} (${look.number}) ${dayAndTime(look.at, zone, months)}`).join('; ')}`,
  who: (p, zone) =>
    p.grants.length === 0
      ? 'Hakuna aliyeruhusiwa kuona rekodi yako.'
      : `Wameruhusiwa: ${p.grants
          .slice(0, 3)
          .map((grant) => `${grant.doctor} (${grant.number}) hadi ${dayAndTime(grant.until, zone, months)}`)
          .join('; ')}${p.grants.length > 3 ? `; ${more(p.grants.length - 3)}` : ''}`,
  menu: () =>
    'HISTORIA: aliyeangalia. NANI: aliyeruhusiwa. ONDOA na namba: ondoa ruhusa. SITISHA: zuia wote. USALAMA: zaidi. Kujibu ombi: namba yake, kisha 1 au 2.',
  frozen: (p) =>
    `Ruhusa zimesitishwa. Hakuna anayeweza kuona rekodi yako wala kuomba. Matibabu yako hayapaswi kubadilika. Kuendelea${p.hasCard ? ', kwa kadi yako: ENDELEZA' : ': mwone mhudumu wa afya.'}`,
  emergencyElsewhere: () =>
    'Daktari ametangaza dharura kwa jina lako, lakini si kupitia kwetu: hatukufungua chochote. Kama si sawa, iambie hospitali. Kukataza: DHARURA HAPANA',
  emergencyOff: () =>
    'Madaktari hawawezi kufungua rekodi yako kwa dharura. Matibabu yako hayapaswi kubadilika. Kuruhusu: DHARURA NDIYO',
  codeOn: () => 'Kuanzia sasa ombi linahitaji msimbo wa kadi yako ili liruhusiwe. Kuacha: MSIMBO HAPANA',
  loosened: (p) =>
    `Imekamilika: ${looseningWords[p.safeguard].means}. Si wewe? Tuma SITISHA, umwambie mhudumu wa afya.`,
  looseningCode: (p) =>
    `Bado hakuna kilichobadilika. Tuma ${looseningWords[p.safeguard].send} na msimbo wa mstari ${p.line} wa ${cardFor(p.safeguard)}. Wahudumu wasiombe msimbo wako.`,
  looseningCodeWrong: (p) =>
    `Haikulingana. Hakuna kilichobadilika. Angalia mstari ${p.line} wa ${cardFor(p.safeguard)}, kisha tuma tena ${looseningWords[p.safeguard].send} na msimbo wake.`,
  looseningWaits: (p, zone) =>
    `Kuanzia ${dayAndTime(p.at, zone, months)} ${looseningWords[p.safeguard].means}. Kuzuia, au kama si wewe, jibu BAKISHA kabla.`,
  changeOnItsWay: () => 'Tunaiandika. Tutakuambia ikikamilika.',
  changeFailed: () => 'Haikuwezekana. Hakuna kilichobadilika. Jaribu tena, au muulize mhudumu wa afya.',
  kept: () => 'Imezuiwa: kila kitu kinabaki kama kilivyo.',
  nothingToKeep: () => 'Hakuna mabadiliko yanayosubiri. Hakuna kilichobadilika. Tuma USALAMA kuona unachoweza kufanya.',
  soAlready: () => 'Tayari ni hivyo. Hakuna kilichobadilika. Tuma USALAMA kuona unachoweza kufanya.',
  needsCard: () =>
    'Hii inahitaji kadi ya msimbo yenye mstari uliobaki. Hakuna kilichobadilika. Tafadhali muombe mhudumu wa afya akusaidie.',
  needsNewCard: () =>
    'Hakuna kadi mpya inayokusubiri. Hakuna kilichobadilika. Kadi mpya hutoka hospitalini. Umepoteza yako? Tuma SITISHA.',
  safety: () =>
    'SITISHA: hakuna aonaye rekodi; ENDELEZA: endelea. DHARURA NDIYO au HAPANA: wakati wa dharura. MSIMBO NDIYO au HAPANA: kadi. BAKISHA: zuia badiliko.',
  whoPaused: (p) =>
    `Zimesitishwa: hakuna anayeweza kuona rekodi yako sasa.${p.numbers.length === 0 ? '' : ` Zikiendelea: ${p.numbers.slice(0, 5).join(', ')}${p.numbers.length > 5 ? ` ${more(p.numbers.length - 5)}` : ''}.`} Tuma USALAMA kuona unachoweza kufanya.`,
  unknownSender: () => 'Namba hii haijulikani kwetu. Kama wewe ni mgonjwa, tafadhali uliza hospitalini kwako.',
}
