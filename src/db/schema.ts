import type { Generated } from 'kysely'
import type * as rows from '../core/rows.ts'

/** Rows the database numbers by itself, in the order they were written. */
type Numbered<Row extends { sequence: number }> = Omit<Row, 'sequence'> & { sequence: Generated<number> }

export type Tables = {
  hospital: rows.HospitalRow
  doctor: rows.DoctorRow
  patient: rows.PatientRow
  phoneAddress: rows.PhoneAddressRow
  passkeyAccount: rows.PasskeyAccountRow
  passkey: rows.PasskeyRow
  sessionGrant: rows.SessionGrantRow
  session: rows.SessionRow
  inboundMessage: Numbered<rows.InboundMessageRow>
  outboundMessage: Numbered<rows.OutboundMessageRow>
  consentRequest: rows.ConsentRequestRow
  userOperation: Numbered<rows.UserOperationRow>
  unsignedOperation: rows.UnsignedOperationRow
  operatorTransaction: Numbered<rows.OperatorTransactionRow>
  accessEntry: Numbered<rows.AccessEntryRow>
  record: rows.RecordRow
  recordVersion: rows.RecordVersionRow
  vaultKey: rows.VaultKeyRow
  outbox: Numbered<rows.OutboxRow>
  chainCursor: rows.ChainCursorRow
  codeCard: rows.CodeCardRow
  codeCardLine: rows.CodeCardLineRow
  codeMiss: rows.CodeMissRow
  sharingPause: rows.SharingPauseRow
  safeguardChange: Numbered<rows.SafeguardChangeRow>
  safeguardEvent: rows.SafeguardEventRow
}
