#!/usr/bin/env bash
# Run named stages one after another, all of them even if one fails, and close with one line for each.
#
#   scripts/stages.sh TITLE "name: command" "name &: command" ...
#
# A stage whose name ends with " &" runs beside those after it, up to the first whose name does not; what it prints
# comes after theirs, in one piece. Exit status 0 only if every stage succeeded.
set -uo pipefail

title=$1
shift
held=$(mktemp -d)
names=() beside=()
failed=0

end() { # What runs beside has process groups of its own, and ends with us.
  for job in $(jobs -p); do kill -TERM -- "-$job" 2>/dev/null; done
  rm -rf "$held"
}
trap end EXIT
trap 'exit 130' INT TERM

say() { printf '\033[1m== %s\033[0m\n' "$1"; }

run() { # run N COMMAND: its output is ours; how it ended and how long it took are kept
  local began=$SECONDS outcome=ok
  bash -euo pipefail -c "$2" || outcome=FAILED
  printf '%s %d\n' "$outcome" $((SECONDS - began)) >"$held/$1.end"
}

gather() { # Wait for what runs beside, and tell what it said.
  wait
  for n in "${beside[@]}"; do
    say "$title: ${names[n]}"
    cat "$held/$n.said"
  done
  beside=()
}

for stage in "$@"; do
  name=${stage%%: *}
  command=${stage#*: }
  n=${#names[@]}
  names+=("${name% &}")
  if [ "$name" != "${name% &}" ]; then
    say "$title: ${name% &} (beside what follows)"
    set -m # a process group of its own
    run "$n" "$command" >"$held/$n.said" 2>&1 </dev/null &
    set +m
    beside+=("$n")
    continue
  fi
  say "$title: $name"
  run "$n" "$command"
  gather
done
gather

say "$title"
for n in "${!names[@]}"; do
  outcome=FAILED seconds=0 # of a stage that was killed
  [ ! -e "$held/$n.end" ] || read -r outcome seconds <"$held/$n.end"
  [ "$outcome" = ok ] || failed=1
  printf '%-8s %-10s %4d s\n' "$outcome" "${names[n]}" "$seconds"
done
exit "$failed"
