#!/bin/sh
# Runs every fuzz target for the same time, one after the other, and prints how
# many inputs were executed in all. The first finding ends the run.
# Minimising an input that is merely new is cut short: it can take longer than the run.
# usage: tools/fuzz.sh FUZZTIME [PACKAGE...]
set -eu

fuzztime=$1
shift
[ $# -gt 0 ] || set -- ./...

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "go test -list" prints the names of a package and then "ok <package> <time>".
go test -list '^Fuzz' "$@" >"$work/list"
awk '/^Fuzz/ {names[n++] = $1; next}
     /^ok/   {for (i = 0; i < n; i++) print $2, names[i]; n = 0}' "$work/list" >"$work/targets"
if [ ! -s "$work/targets" ]; then
	echo "no fuzz target found" >&2
	exit 1
fi

total=0
while read -r pkg name; do
	if ! go test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" -fuzzminimizetime 10x "$pkg" >"$work/out" 2>&1; then
		cat "$work/out"
		echo "FAIL $pkg $name" >&2
		exit 1
	fi
	execs=$(sed -n 's/.*execs: \([0-9][0-9]*\).*/\1/p' "$work/out" | tail -n 1)
	total=$((total + ${execs:-0}))
	printf '%12d  %s %s\n' "${execs:-0}" "$pkg" "$name"
done <"$work/targets"
printf '%12d  executions in all, no finding\n' "$total"
