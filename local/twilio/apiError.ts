/** An error in the shape the REST API answers with. */
export class TwilioApiError extends Error {
  override readonly name = 'TwilioApiError'
  readonly status: number
  readonly code: number
  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }

  /** The JSON body; the SDK turns it into a RestException. */
  toBody(): { code: number; message: string; more_info: string; status: number } {
    return {
      code: this.code,
      message: this.message,
      more_info: `https://www.twilio.com/docs/errors/${this.code}`,
      status: this.status,
    }
  }
}

/** Hides the end of a number, as the provider does in its own messages. */
const mask = (address: string) => `${address.slice(0, -4)}XXXX`

/** The errors this stand-in knows, worded as the provider words them. */
export const apiErrors = {
  authenticate: () => new TwilioApiError(401, 20003, 'Authenticate'),
  notFound: (path: string) => new TwilioApiError(404, 20404, `The requested resource ${path} was not found`),
  unsupportedParameter: (name: string) =>
    new TwilioApiError(400, 20001, `Parameter '${name}' is not modelled here. Do: test it against the real service.`),
  notFinished: () =>
    new TwilioApiError(
      409,
      20009,
      'Unable to update record: Cannot delete message because delivery has not been completed.',
    ),
  invalidTo: (to: string) => new TwilioApiError(400, 21211, `Invalid 'To' Phone Number: ${mask(to)}`),
  sameNumbers: () => new TwilioApiError(400, 21266, "'To' and 'From' number cannot be the same"),
  bodyRequired: () => new TwilioApiError(400, 21602, 'Message body is required.'),
  fromRequired: () => new TwilioApiError(400, 21603, "A 'From' phone number is required."),
  toRequired: () => new TwilioApiError(400, 21604, "A 'To' phone number is required."),
  foreignFrom: (from: string) =>
    new TwilioApiError(
      400,
      21606,
      `The 'From' phone number provided (${mask(from)}) is not a valid message-capable Twilio phone number for this destination`,
    ),
  invalidCallback: () => new TwilioApiError(400, 21609, "The 'StatusCallback' URL is not a valid URL."),
  optedOut: () => new TwilioApiError(400, 21610, 'Attempt to send to unsubscribed recipient'),
  bodyTooLong: () => new TwilioApiError(400, 21617, 'The concatenated message body exceeds the 1600 character limit'),
  invalidUpdate: () => new TwilioApiError(400, 20001, "Only an empty 'Body' or the 'Status' canceled can be set."),
  foreignService: () => new TwilioApiError(400, 21705, 'The Messaging Service Sid is invalid.'),
  notCancelable: () => new TwilioApiError(409, 30409, 'This message cannot be canceled'),
} as const
