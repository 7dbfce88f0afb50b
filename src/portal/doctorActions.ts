import type { ConsentRequestId, DoctorId, EpochMs } from '../core/people.ts'
import type { RequestWithPeople } from '../core/store.ts'
import { openedBefore } from '../core/userOperation.ts'
import type { PortalActions, RequestSummary } from './actions.ts'
import { type AskParts, askForAccess, withdraw } from './askForAccess.ts'
import { type EmergencyParts, openEmergency, openReason } from './openEmergency.ts'
import { type LookParts, lookLastsMs, openLook, startLook } from './openLook.ts'
import { type PasskeySignInParts, passkeySignInActions } from './passkeySignIn.ts'
import { summarise } from './requestSummary.ts'
import { sharingPause } from './sharingPause.ts'
import { type SignInParts, signInActions } from './signIn.ts'
import { type SignLookParts, signLookActions } from './signLook.ts'
import { type SignOperationParts, signOperationActions } from './signOperation.ts'

const listed = 50

/** Everything a doctor can do, over the store, the ledger and the vault that `app.ts` hands in. */
export function doctorActions(
  parts: AskParts & EmergencyParts & LookParts & SignInParts & PasskeySignInParts & SignLookParts & SignOperationParts,
): PortalActions {
  const { store, clock, onRequestChange } = parts

  async function summary(request: RequestWithPeople): Promise<RequestSummary> {
    const address = request.patientId ? await store.people.addressOf(request.patientId) : null
    const now = clock()
    const unreachable = address !== null && address.unreachableSince !== null
    return summarise(request, now, unreachable, mayBeRead(request, now) && (await isPaused(request, now)))
  }

  const isPaused = async ({ patientId }: RequestWithPeople, now: EpochMs) =>
    (await sharingPause(store, patientId, now)) !== null

  return {
    ...signInActions(parts),
    askForAccess: askForAccess(parts),
    openEmergency: openEmergency(parts),
    async requests(doctor) {
      return Promise.all((await store.requests.ofDoctor(doctor, listed)).map(summary))
    },
    async request(doctor, id) {
      const request = await store.requests.get(id)
      if (request?.doctorId !== doctor) return null
      const summarised = await summary(request)
      const { emergency } = summarised
      if (!emergency) return summarised
      const operation = await store.operations.ofRequest(id, 'openEmergency')
      const isRefusedForReview = operation?.failure === openedBefore
      return {
        ...summarised,
        emergency: { ...emergency, isRefusedForReview, reason: openReason(request, parts.columns) },
      }
    },
    withdraw: withdraw(parts),
    startLook: startLook(parts),
    open: openLook(parts),
    passkeys: { ...passkeySignInActions(parts), ...signOperationActions(parts), ...signLookActions(parts) },
    async looks(doctor) {
      const looks = await store.looks.ofDoctor(doctor, listed)
      return looks.flatMap(({ id, healthId, preset, createdAt, state, signature, blockNumber, transactionHash }) =>
        state === 'unsigned'
          ? []
          : [
              {
                id,
                healthId,
                preset,
                at: createdAt,
                state,
                signing: signature === null ? ('serverSigned' as const) : ('passkey' as const),
                blockNumber,
                transactionHash,
              },
            ],
      )
    },
    watch(doctor: DoctorId, onChange: (id: ConsentRequestId) => void) {
      return onRequestChange((id) => {
        void store.requests.get(id as ConsentRequestId).then(
          (request) => {
            if (request?.doctorId === doctor) onChange(request.id)
          },
          () => {},
        )
      })
    },
  }
}

/** A one-time grant is used up by the look that is being read. */
function mayBeRead({ state, endedAt }: RequestWithPeople, now: EpochMs): boolean {
  return state === 'granted' || (state === 'usedUp' && endedAt !== null && now - endedAt <= lookLastsMs)
}
