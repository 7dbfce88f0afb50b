# Sourced by bin/*: puts the pinned Node.js and this project's packages in place, then on PATH.
# POSIX sh. Expects $root. Prints one line for each step that takes time; fails with what to do.

step() { printf '· %s\n' "$*"; }
fail() { printf '\n%s\n' "$*" >&2; exit 1; }

node_major() { node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

command -v npm >/dev/null 2>&1 || fail "npm was not found.
Do: install Node.js 20 or newer with npm (Debian: apt-get install nodejs npm), then run this again."

# 1. Node 24. The host's own Node may be older; npm under Node 20 silently drops packages, so nothing else runs under it.
if [ "$(node_major)" -lt 24 ]; then
  # npm finds the host's settings (proxy, certificates) beside its Node.js; under another Node.js it must be told.
  npm_config_globalconfig=${npm_config_globalconfig:-$(npm config get globalconfig 2>/dev/null)}
  export npm_config_globalconfig
  for platform in linux-x64 linux-arm64; do
    [ -x "$root/tools/node/node_modules/node-$platform/bin/node" ] && found=$platform
  done
  if [ -z "${found:-}" ] || ! cmp -s "$root/tools/node/package-lock.json" "$root/tools/node/node_modules/.installed-lock"; then
    step 'Installing Node.js 24 for this project (once, about 15 s)'
    (cd "$root/tools/node" && npm ci --no-audit --no-fund --loglevel=error >/dev/null) ||
      fail 'Node.js 24 could not be installed from the npm registry.
Do: check the network, or install Node.js 24 yourself, then run this again.'
    cp "$root/tools/node/package-lock.json" "$root/tools/node/node_modules/.installed-lock"
  fi
  for platform in linux-x64 linux-arm64; do
    bindir="$root/tools/node/node_modules/node-$platform/bin"
    [ -x "$bindir/node" ] && PATH="$bindir:$PATH"
  done
  export PATH
  [ "$(node_major)" -ge 24 ] || fail 'This machine needs Node.js 24 or newer, and no build of it is pinned for this platform.
Do: install Node.js 24, then run this again.'
fi

# 2. Packages, exactly as locked.
if ! cmp -s "$root/package-lock.json" "$root/node_modules/.installed-lock"; then
  step 'Installing packages from the lock (once, about 50 s)'
  (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >/dev/null) ||
    fail 'The packages could not be installed.
Do: read the lines above; check the network; then run this again.'
  cp "$root/package-lock.json" "$root/node_modules/.installed-lock"
fi
