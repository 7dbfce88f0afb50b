import { randomBytes } from 'node:crypto'
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js'
import type { World } from '../../local/world.ts'

export type Webhook = { fields: Readonly<Record<string, string>>; signature: string }

/** A text as Twilio posts it, signed with our account's token unless another is given. */
export function signedWebhook(
  { env, serverUrl }: World,
  text: { from: string; body: string },
  forgery: { token?: string; accountSid?: string } = {},
): Webhook {
  const fields = {
    MessageSid: `SM${randomBytes(16).toString('hex')}`,
    AccountSid: forgery.accountSid ?? env['TWILIO_ACCOUNT_SID'] ?? '',
    From: text.from,
    To: env['TWILIO_FROM'] ?? '',
    Body: text.body,
    NumMedia: '0',
    NumSegments: '1',
    SmsStatus: 'received',
    ApiVersion: '2010-04-01',
  }
  const token = forgery.token ?? env['TWILIO_AUTH_TOKEN'] ?? ''
  return { fields, signature: getExpectedTwilioSignature(token, `${serverUrl}/twilio/inbound`, fields) }
}

/** Posts it to the server. @returns the status of the answer */
export async function post({ serverUrl }: World, { fields, signature }: Webhook): Promise<number> {
  const answer = await fetch(`${serverUrl}/twilio/inbound`, {
    method: 'POST',
    headers: signature === '' ? {} : { 'X-Twilio-Signature': signature },
    body: new URLSearchParams(fields),
  })
  await answer.arrayBuffer()
  return answer.status
}
