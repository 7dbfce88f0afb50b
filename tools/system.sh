# Sourced by bin/test: Chromium, Redis and PostgreSQL, which the tests start for themselves, and z3, which proves.
# POSIX sh. Expects step and fail. Installs Debian packages as root: without asking where nobody can answer, else asks once.

missing=''
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v z3 >/dev/null 2>&1 || missing="$missing z3"
{ command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; } || missing="$missing postgresql"
{ command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 ||
  [ -x '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' ]; } || missing="$missing chromium"

if [ -n "$missing" ]; then
  todo="The tests need these programs:$missing
Do: install them (Debian: apt-get install$missing; macOS: brew install redis postgresql z3, and Google Chrome), then run this again."
  command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] || fail "$todo"
  if [ -t 0 ]; then
    printf 'The tests need%s. Install with apt-get now? [y/N] ' "$missing"
    read -r answer
    case $answer in y | Y | yes) ;; *) fail "$todo" ;; esac
  fi
  step "Installing$missing from the system's packages (once, about a minute)"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
    >/tmp/healthchain-apt.log 2>&1 || { tail -5 /tmp/healthchain-apt.log >&2; fail "$todo"; }
fi
