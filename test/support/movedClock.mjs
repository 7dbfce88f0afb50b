// Loaded into a program of another's before its own code: the clock that it reads is moved by what its parent sends.
let offsetMs = 0
process.on('message', (message) => {
  offsetMs = Number(message)
})
process.channel?.unref()

const MachinesDate = Date
globalThis.Date = class extends MachinesDate {
  constructor(...given) {
    super(...(given.length === 0 ? [MachinesDate.now() + offsetMs] : given))
  }

  static now() {
    return MachinesDate.now() + offsetMs
  }
}
