import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the browser finds the files of `assets/`. */
export type AssetUrls = {
  /** Path before a file's name, with a slash at both ends. It changes with the content, so a cache may keep it for ever. */
  prefix: string
  url(fileName: string): string
}

/**
 * Names the assets by one hash over all of them, so that a module and what it imports always come from the same build.
 *
 * @param folder absolute path of the assets
 */
export function assetUrls(folder: string): AssetUrls {
  const hash = createHash('sha256')
  const names = readdirSync(folder).sort()
  for (const name of names)
    hash
      .update(name)
      .update('\0')
      .update(readFileSync(join(folder, name)))
      .update('\0')
  const prefix = `/assets/${hash.digest('hex').slice(0, 12)}/`
  return {
    prefix,
    url: (fileName) => {
      if (!names.includes(fileName))
        throw new Error('A page names an asset that is not there. Do: compare with src/portal/assets.')
      return prefix + fileName
    },
  }
}
