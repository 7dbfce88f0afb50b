import { parseEnv } from 'node:util'

/** What a person fills in for a trial; none of it opens anything. */
const answers: Readonly<Record<string, string>> = {
  PUBLIC_URL: 'https://health.example',
  CHAIN_ID: '31337',
  CHAIN_RPC_URL: 'http://chain:8545',
  TWILIO_ACCOUNT_SID: 'AC00000000000000000000000000000001',
  TWILIO_AUTH_TOKEN: 'a-token-of-this-test',
  TWILIO_FROM: '+254700000001',
  STORAGE: 'local',
}

/** An example file filled in: each variable that stands open gets its answer. */
export function filledIn(example: string): Record<string, string> {
  const open = Object.keys(parseEnv(example))
  const env: Record<string, string> = { STORAGE: answers['STORAGE'] ?? '' }
  for (const name of open) env[name] = answers[name] ?? ''
  return env
}
