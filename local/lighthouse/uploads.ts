import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** One row of the vendor's list of uploads; the names are the vendor's. */
export type Upload = {
  id: string
  publicKey: string
  fileName: string
  mimeType: string
  txHash: string
  status: string
  createdAt: number
  lastUpdate: number
  fileSizeInBytes: string
  cid: string
  encryption: boolean
}

/** The uploads of a stand-in, newest first, kept in one JSON file beside the uploaded bytes; both survive a kill. */
export class Uploads {
  readonly #folder: string
  #rows: Upload[]
  #writing: Promise<void> = Promise.resolve()

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(path.join(folder, 'files'), { recursive: true, mode: 0o700 })
    mkdirSync(path.join(folder, 'incoming'), { recursive: true, mode: 0o700 })
    this.#rows = existsSync(this.#stateFile) ? (JSON.parse(readFileSync(this.#stateFile, 'utf8')) as Upload[]) : []
  }

  get #stateFile(): string {
    return path.join(this.#folder, 'uploads.json')
  }

  /** Where an upload is received before its CID is known. */
  incomingFile(): string {
    return path.join(this.#folder, 'incoming', randomUUID())
  }

  fileOf(cid: string): string {
    return path.join(this.#folder, 'files', cid)
  }

  find(cid: string): Upload | undefined {
    return this.#rows.find((row) => row.cid === cid)
  }

  /** The account's uploads, newest first. */
  of(account: string): Upload[] {
    return this.#rows.filter((row) => row.publicKey === account)
  }

  async add(upload: Upload, received: string): Promise<void> {
    await rename(received, this.fileOf(upload.cid))
    this.#rows.unshift(upload)
    await this.#save()
  }

  /** Forgets one upload, and its bytes with the last upload of the same CID. */
  async remove(account: string, id: string): Promise<boolean> {
    const row = this.#rows.find((candidate) => candidate.id === id && candidate.publicKey === account)
    if (!row) return false
    this.#rows = this.#rows.filter((candidate) => candidate !== row)
    if (!this.find(row.cid)) await rm(this.fileOf(row.cid), { force: true })
    await this.#save()
    return true
  }

  /** One write at a time, each to a fresh file that then takes the old one's place. */
  #save(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const fresh = `${this.#stateFile}.new`
      await writeFile(fresh, JSON.stringify(this.#rows), { mode: 0o600 })
      await rename(fresh, this.#stateFile)
    })
    return this.#writing
  }
}
