import type { AffiliationRefusal } from '../../../src/core/affiliation.ts'
import { parseHealthId } from '../../../src/core/healthId.ts'
import type { AccessEntryId, ConsentRequestId, DoctorId, EpochMs } from '../../../src/core/people.ts'
import { day, hour } from '../../../src/core/people.ts'
import type {
  AskRefusal,
  EmergencyRefusal,
  LookRefusal,
  LookSummary,
  OpenedLook,
  OpenedRecord,
  PortalActions,
  RequestState,
  RequestSummary,
  SignedInDoctor,
} from '../../../src/portal/actions.ts'
import type { PasskeyActions } from '../../../src/portal/passkeyActions.ts'

/** 22 Nov 2026, 15:12 in Nairobi. */
export const now = Date.UTC(2026, 10, 22, 12, 12) as EpochMs
export const password = 'correct horse'
export const healthId = 'HC-1234-5671'
export const transactionHash = `0x${'3fa9'.repeat(16)}`

export const amina: SignedInDoctor = {
  doctorId: 'doc_amina' as DoctorId,
  name: 'Dr Amina Wanjiru',
  hospital: 'Kilifi County Hospital',
  signing: 'serverSigned',
  sessionGrantId: null,
}
export const otieno: SignedInDoctor = { ...amina, doctorId: 'doc_otieno' as DoctorId, name: 'Dr Otieno' }

/** Passkeys are tried in a browser, against the chain: see test/journeys/passkey.test.ts. Here nobody has one. */
const noPasskeys: PasskeyActions = {
  standing: async () => ({ status: 'none' }),
  proposedFrom: async () => null,
  newPasskey: async (userId) => ({ challenge: '', bytes: '0x', rpId: '127.0.0.1', userId, userName: '', known: [] }),
  addPasskey: async () => 'notVerified',
  confirmAccount: async () => 'noAccount',
  signInTask: () => ({ template: '', rpId: '127.0.0.1' }),
  signIn: async () => ({ refused: 'notVerified' }),
  prepareAsk: async () => ({ refused: { code: 'accountNotConfirmed' } }),
  prepareEmergency: async () => ({ refused: { code: 'accountNotConfirmed' } }),
  prepareWithdrawal: async () => null,
  prepareSecondPasskey: async () => null,
  prepareVeto: async () => null,
  signing: async () => null,
  sign: async () => ({ refused: 'notVerified' }),
  prepareLook: async () => ({ refused: { code: 'needsPasskey' } }),
  lookTask: async () => null,
  signLook: async () => false,
}

/** The portal's actions in memory, with levers for what the world may do. */
export function memoryActions() {
  const doctors = new Map([
    ['amina', amina],
    ['otieno', otieno],
  ])
  const sessions = new Map<string, SignedInDoctor>()
  const requests = new Map<ConsentRequestId, { doctor: DoctorId; summary: RequestSummary }>()
  const looks: { doctor: DoctorId; summary: LookSummary; opened: OpenedLook }[] = []
  const watchers = new Set<{ doctor: DoctorId; onChange: (id: ConsentRequestId) => void }>()
  let watchEnded = () => {}
  const levers = {
    affiliationRefusal: null as AffiliationRefusal | null,
    askRefusal: null as AskRefusal | null,
    emergencyRefusal: null as EmergencyRefusal | null,
    lookRefusal: null as LookRefusal | null,
    opened: null as OpenedLook | null,
    records: [] as OpenedRecord[],
    failing: false,
  }

  const own = (doctor: DoctorId, id: ConsentRequestId) => {
    const found = requests.get(id)
    return found && found.doctor === doctor ? found.summary : null
  }
  const tellAll = (id: ConsentRequestId) => {
    for (const watcher of watchers) watcher.onChange(id)
  }

  const actions: PortalActions = {
    async signIn(login, given) {
      const doctor = doctors.get(login)
      if (!doctor || given !== password) return { refused: 'wrongPassword' }
      if (levers.affiliationRefusal) return { refused: levers.affiliationRefusal }
      const token = `token-${sessions.size + 1}-${login}`
      sessions.set(token, doctor)
      return { token, expiresAt: (now + 8 * hour) as EpochMs }
    },
    async signOut(token) {
      sessions.delete(token)
    },
    async session(token) {
      return sessions.get(token) ?? null
    },
    async askForAccess(doctor, ask) {
      const parsed = parseHealthId(ask.healthId)
      if (parsed === null) return { refused: { code: 'healthIdMistyped' } }
      if (ask.days > 7) return { refused: { code: 'daysOutOfRange', min: 1, max: 7 } }
      if (ask.preset === 'PRIVATE') return { refused: { code: 'presetNeedsCard' } }
      if (levers.askRefusal) return { refused: levers.askRefusal }
      const { preset, purpose, days, oneTime } = ask
      return { requestId: add(doctor, { healthId: parsed, preset, purpose, days, oneTime }).id }
    },
    async openEmergency(doctor, { healthId: typed, reason }) {
      const parsed = parseHealthId(typed)
      if (parsed === null) return { refused: { code: 'healthIdMistyped' } }
      if (levers.emergencyRefusal) return { refused: levers.emergencyRefusal }
      return { requestId: add(doctor, { ...emergency(reason), healthId: parsed }).id }
    },
    async requests(doctor) {
      if (levers.failing) throw new Error('Someone wrote +254700000001 into this message.')
      return [...requests.values()]
        .filter((request) => request.doctor === doctor)
        .map((request) => request.summary)
        .reverse()
    },
    async request(doctor, id) {
      return own(doctor, id)
    },
    async withdraw(_doctor, id) {
      setState(id, 'withdrawn')
    },
    async startLook(doctor, id) {
      const request = own(doctor, id)
      if (!request) return { refused: { code: 'noGrant', state: 'lapsed' } }
      if (levers.lookRefusal) return { refused: levers.lookRefusal }
      const lookId = `look_${looks.length + 1}` as AccessEntryId
      const entry = { id: lookId, blockNumber: 14_382_907, transactionHash, at: now }
      looks.push({
        doctor,
        summary: {
          ...entry,
          healthId: request.healthId,
          preset: request.preset,
          state: 'logged',
          signing: 'serverSigned',
        },
        opened: { status: 'open', request, entry, records: levers.records },
      })
      return { lookId }
    },
    async open(doctor, lookId) {
      const look = looks.find(({ summary }) => summary.id === lookId)
      if (!look || look.doctor !== doctor) return { status: 'refused', reason: 'notFound' }
      return levers.opened ?? look.opened
    },
    async looks(doctor) {
      return looks.filter((look) => look.doctor === doctor).map((look) => look.summary)
    },
    passkeys: noPasskeys,
    watch(doctor, onChange) {
      const watcher = { doctor, onChange }
      watchers.add(watcher)
      return () => {
        watchers.delete(watcher)
        watchEnded()
      }
    },
  }

  function add(doctor: DoctorId, request: Partial<RequestSummary> = {}): RequestSummary {
    const summary: RequestSummary = {
      id: `req_${requests.size + 1}` as ConsentRequestId,
      healthId,
      preset: 'LAB_RESULTS',
      purpose: 'treatment',
      days: 7,
      oneTime: false,
      state: 'asked',
      askedAt: now,
      answerBy: (now + day) as EpochMs,
      grantedUntil: null,
      unreachable: false,
      paused: false,
      signing: 'serverSigned',
      emergency: null,
      ...request,
    }
    requests.set(summary.id, { doctor, summary })
    tellAll(summary.id)
    return summary
  }

  function setState(id: ConsentRequestId, state: RequestState): void {
    const found = requests.get(id)
    if (!found) throw new Error('The test names a request that it did not make.')
    const grantedUntil = state === 'granted' ? (Date.UTC(2026, 10, 30) as EpochMs) : found.summary.grantedUntil
    requests.set(id, { ...found, summary: { ...found.summary, state, grantedUntil } })
    tellAll(id)
  }

  return {
    actions,
    levers,
    add,
    setState,
    /** Ends every session as the server's clock would, without a word to the pages. */
    endSessions: () => sessions.clear(),
    watcherCount: () => watchers.size,
    onWatchEnd: (listener: () => void) => {
      watchEnded = listener
    },
  }
}

/** An emergency that is being opened. */
export function emergency(reason: string | null = null): Partial<RequestSummary> {
  const review = { reviewBy: null, reviewedAt: null, isOverdue: false, isRefusedForReview: false }
  return { preset: 'ALL', purpose: 'emergency', days: 1, state: 'asking', emergency: { reason, ...review } }
}

/** Results as a laboratory sends them. */
export const lipidPanel: OpenedRecord = {
  status: 'unsealed',
  cid: 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi',
  class: 'labs',
  view: {
    title: 'Lipid panel',
    date: '2026-03-14',
    performer: 'Kilifi County Laboratory',
    rows: [
      { name: 'Cholesterol, total', value: '6.8', unit: 'mmol/L', range: '< 5.2', flag: 'high' },
      { name: 'HDL cholesterol', value: '0.8', unit: 'mmol/L', range: '> 1.0', flag: 'low' },
      { name: 'Triglycerides', value: '1.4', unit: 'mmol/L', range: '< 1.7', flag: null },
    ],
  },
}
