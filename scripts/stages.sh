#!/usr/bin/env bash
# Run named stages one after another, all of them even if one fails, and close with one line for each.
#
#   scripts/stages.sh TITLE "name: command" ...
#
# Exit status 0 only if every stage succeeded.
set -uo pipefail

title=$1
shift
summary=()
failed=0
for stage in "$@"; do
  name=${stage%%: *}
  command=${stage#*: }
  printf '\033[1m== %s: %s\033[0m\n' "$title" "$name"
  began=$SECONDS
  if bash -euo pipefail -c "$command"; then
    outcome=ok
  else
    outcome=FAILED
    failed=1
  fi
  summary+=("$(printf '%-8s %-10s %4d s' "$outcome" "$name" $((SECONDS - began)))")
done

printf '\033[1m== %s\033[0m\n' "$title"
printf '%s\n' "${summary[@]}"
exit "$failed"
