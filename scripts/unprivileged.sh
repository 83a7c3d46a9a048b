# To be sourced. PostgreSQL refuses to run as root, so what root starts here runs as another user.
#   server_user            prints the name of the user that servers run as
#   as_server_user CMD...  becomes that user (no fork: for use behind `exec` or in a background job)

server_user() {
  if [ "$(id -u)" -ne 0 ]; then
    id -un
  elif getent passwd postgres >/dev/null; then
    echo postgres
  else
    echo nobody
  fi
}

as_server_user() {
  if [ "$(id -u)" -ne 0 ]; then
    exec "$@"
  fi
  local user
  user=$(server_user)
  exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups \
    env HOME=/tmp USER="$user" LOGNAME="$user" "$@"
}

# The newest bin directory with a postgres in it that this machine has, or nothing.
postgresql_bin() {
  local candidate newest=
  for candidate in /usr/lib/postgresql/*/bin; do
    if [ -x "$candidate/postgres" ]; then newest=$candidate; fi
  done
  if [ -z "$newest" ] && command -v postgres >/dev/null; then
    newest=$(dirname "$(command -v postgres)")
  fi
  echo "$newest"
}
